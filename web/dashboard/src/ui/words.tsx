import { X } from 'lucide-react';
import { useState } from 'react';

import { Field } from './controls';
import styles from './words.module.css';

interface WordsInputProps {
  label: string;
  hint?: string;
  error?: string | undefined;
  placeholder?: string;
  words: readonly string[];
  disabled?: boolean;
  onChange: (words: readonly string[]) => void;
}

/** A list of words: Enter or a comma adds one, Backspace takes the last one away. */
export function WordsInput({ label, hint, error, placeholder, words, disabled = false, onChange }: WordsInputProps) {
  const [text, setText] = useState('');
  const add = (typed: string) => {
    const added = typed
      .split(',')
      .map(normal)
      .filter((word) => word !== '');
    setText('');
    if (added.length > 0) onChange([...new Set([...words, ...added])]);
  };
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => (
        <div className={styles.words} data-invalid={ids['aria-invalid']}>
          {words.map((word) => (
            <span key={word} className={styles.word}>
              {word}
              <button
                type="button"
                aria-label={`Remove ${word}`}
                disabled={disabled}
                onClick={() => onChange(words.filter((one) => one !== word))}
              >
                <X size={12} />
              </button>
            </span>
          ))}
          <input
            {...ids}
            value={text}
            disabled={disabled}
            placeholder={words.length === 0 ? placeholder : undefined}
            onChange={(event) =>
              event.target.value.includes(',') ? add(event.target.value) : setText(event.target.value)
            }
            onBlur={() => add(text)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && text.trim() !== '') {
                event.preventDefault();
                add(text);
              } else if (event.key === 'Backspace' && text === '') {
                onChange(words.slice(0, -1));
              }
            }}
          />
        </div>
      )}
    </Field>
  );
}

function normal(word: string): string {
  return word.trim().replace(/\s+/gu, ' ').toLocaleLowerCase();
}
