import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './app.css';
import { mount } from 'svelte';
import { App } from './lib/domain/app.svelte';
import { browserDrafts } from './lib/domain/drafts';
import { browserMemory } from './lib/domain/layout.svelte';
import { BrowserBackend } from './lib/shared/browser-backend';
import { BrowserToken } from './lib/shared/browser-token';
import { WindowBackend } from './lib/shared/window-backend';
import Shell from './lib/views/Shell.svelte';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element with the id "app"');

const backend = WindowBackend.isHere() ? new WindowBackend() : new BrowserBackend(new BrowserToken());
mount(Shell, { target, props: { app: new App(backend, browserMemory, browserDrafts()) } });
