import type { AppInfo, Settings } from '../shared/api';
import type { Backend } from '../shared/backend';

export type ThemeChoice = 'light' | 'dark' | 'system';

/** What a person can set, and facts about this Steadyhand. */
export class SettingsState {
  readonly #backend: Backend;
  current = $state.raw<Settings | null>(null);
  info = $state.raw<AppInfo | null>(null);

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<void> {
    this.info = await this.#backend.call('app_info', {});
    this.current = await this.#backend.call('settings', {});
  }

  async saveModel(baseUrl: string, model: string, key: string): Promise<void> {
    this.current = await this.#backend.call('save_model', {
      base_url: baseUrl.trim(), model: model.trim(), ...(key === '' ? {} : { key }),
    });
  }

  async forgetModel(): Promise<void> {
    this.current = await this.#backend.call('forget_model', {});
  }
}

/** Services that speak the protocol, with where they usually are. */
export const MODEL_PRESETS: readonly { name: string; baseUrl: string; model: string; key: boolean }[] = [
  { name: 'Ollama', baseUrl: 'http://localhost:11434/v1', model: 'qwen3:8b', key: false },
  { name: 'LM Studio', baseUrl: 'http://localhost:1234/v1', model: '', key: false },
  { name: 'llama.cpp', baseUrl: 'http://localhost:8080/v1', model: 'default', key: false },
  { name: 'vLLM', baseUrl: 'http://localhost:8000/v1', model: '', key: false },
  { name: 'OpenAI', baseUrl: 'https://api.openai.com/v1', model: 'gpt-5-mini', key: true },
];

export const KEY_PLACES = {
  environment: 'It comes from an environment variable.',
  keyring: 'It is kept in the keyring of this machine.',
  memory: 'This machine has no keyring: it is kept in memory until Steadyhand ends.',
  none: 'There is none; local models need none.',
} as const;
