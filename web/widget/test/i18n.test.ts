import { describe, expect, it } from 'vitest';

import { dictionaries, fill, textsOf } from '../src/i18n/index.js';
import type { TextKey } from '../src/i18n/index.js';
import { en } from '../src/i18n/en.js';
import { launcherTexts } from '../src/i18n/launcher.js';
import { chooseLocale } from '../src/i18n/locale.js';

const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([whole]) => whole).sort();

describe('the dictionary', () => {
  it('has the same texts with the same words to fill in, in every language', () => {
    for (const [locale, texts] of dictionaries) {
      expect(Object.keys(texts).sort(), locale).toEqual(Object.keys(en).sort());
      for (const key of Object.keys(en) as TextKey[]) {
        expect(placeholders(texts[key]), `${locale}.${key}`).toEqual(placeholders(en[key]));
        expect(texts[key].trim(), `${locale}.${key}`).not.toBe('');
      }
    }
  });

  it("agrees with the launcher's few texts", () => {
    expect([...launcherTexts.keys()]).toEqual([...dictionaries.keys()]);
    for (const [locale, texts] of launcherTexts) expect(dictionaries.get(locale)).toMatchObject(texts);
  });

  it('is chosen by the first language there is', () => {
    expect(chooseLocale(['', 'fr', 'de-AT', 'en'])).toBe('de-AT');
    expect(chooseLocale(['ja'])).toBe('en');
    expect(textsOf('de-AT').send).toBe('Senden');
  });

  it('takes single texts of the page', () => {
    const texts = textsOf('en', { aiName: 'Ada' });
    expect([texts.aiName, texts.send]).toEqual(['Ada', 'Send']);
  });

  it('fills what is given and shows what is not', () => {
    expect(fill('#{position}, {wait}', { position: 2 })).toBe('#2, {wait}');
    expect(fill('{constructor}')).toBe('{constructor}');
  });
});
