import { describe, expect, it } from 'vitest';

import { OptionsError, readOptions } from '../src/options.js';

const needed = { project: 'p-1', url: 'https://x.supabase.co/', key: 'sb_publishable_x' };

describe('the options of the script tag', () => {
  it('have a default each', () => {
    expect(readOptions(needed)).toEqual({
      project: 'p-1',
      url: 'https://x.supabase.co',
      key: 'sb_publishable_x',
      locale: '',
      theme: 'auto',
      accent: '',
      position: 'right',
      title: '',
      greeting: '',
      suggestions: [],
      track: 'chat',
      open: false,
      launcher: true,
      branding: true,
    });
  });

  it('say which needed ones are missing, all at once', () => {
    expect(() => readOptions({ project: 'p-1' })).toThrow(OptionsError);
    expect(() => readOptions({ project: 'p-1' })).toThrow('data-url, data-key');
  });

  it('take what they do not know as the default', () => {
    const options = readOptions({
      ...needed,
      theme: 'purple',
      position: 'up',
      track: '',
      accent: 'red; background: url(x)',
    });
    expect(options).toMatchObject({ theme: 'auto', position: 'right', track: 'chat', accent: '' });
  });

  it('read lists, colours and switches', () => {
    const options = readOptions({
      ...needed,
      suggestions: ' One? | |Two?|3|4|5',
      accent: '#0a7',
      launcher: 'off',
      open: '',
      branding: 'off',
    });
    expect(options.suggestions).toEqual(['One?', 'Two?', '3', '4']);
    expect(options).toMatchObject({ accent: '#0a7', launcher: false, open: true, branding: false });
  });
});
