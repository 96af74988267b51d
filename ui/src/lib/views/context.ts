import { getContext, setContext } from 'svelte';
import type { App } from '../domain/app.svelte';

const APP = Symbol('app');

export const provideApp = (app: App): App => setContext(APP, app);
export const useApp = (): App => getContext<App>(APP);
