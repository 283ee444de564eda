import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { looksLikeEmail } from '../logic/text.js';
import { usePanel } from './context.js';
import { CheckIcon } from './icons.js';
import type { ChatState } from './model.js';

/** One line that takes the visitor's address. Once it is noted it says so. */
export function EmailForm({ state, label }: { state: ChatState; label: string }): JSX.Element {
  const { say, model } = usePanel();
  const [address, setAddress] = useState('');
  const [wrong, setWrong] = useState(false);
  if (state.email !== null) {
    return (
      <p class="sb-done" role="status">
        <CheckIcon /> {say('emailSaved', { email: state.email })}
      </p>
    );
  }
  const submit = (event: Event): void => {
    event.preventDefault();
    setWrong(!looksLikeEmail(address));
    if (looksLikeEmail(address)) void model.saveEmail(address.trim());
  };
  return (
    <form class="sb-email" onSubmit={submit} noValidate>
      <label>
        <span class="sb-label">{label}</span>
        <input
          type="email"
          name="email"
          autocomplete="email"
          placeholder={say('emailPlaceholder')}
          value={address}
          aria-invalid={wrong}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="sb-button">
        {say('emailSave')}
      </button>
      {wrong && (
        <p class="sb-field-error" role="alert">
          {say('emailInvalid')}
        </p>
      )}
    </form>
  );
}
