import { HandoffError, type HandoffSettings } from '@supportbase/handoff';
import { useState } from 'react';

import { useClient } from '../app/context';
import { messageOf, useToasts } from '../ui/toasts';
import { changeOf, draftOf, fieldOf, validate, type Draft, type Errors, type FieldName } from './validate';

export interface DraftForm {
  draft: Draft;
  errors: Errors;
  dirty: boolean;
  saving: boolean;
  set: (change: Partial<Draft>) => void;
  save: () => void;
  reset: () => void;
}

/** The settings while somebody changes them. What others save meanwhile shows as long as nothing was touched here. */
export function useDraft(stored: HandoffSettings): DraftForm {
  const client = useClient();
  const toasts = useToasts();
  const [edited, setEdited] = useState<Draft | null>(null);
  const [refused, setRefused] = useState<Errors>({});
  const [saving, setSaving] = useState(false);
  const draft = edited ?? draftOf(stored);
  const change = changeOf(draft, stored);
  const errors = { ...validate(draft), ...refused };
  const save = async () => {
    if (Object.keys(validate(draft)).length > 0) {
      toasts.fail(new Error('Some fields need attention'));
      return;
    }
    setSaving(true);
    try {
      await client.updateSettings(change);
      setEdited(null);
      toasts.say('Saved');
    } catch (error) {
      const field: FieldName = error instanceof HandoffError ? fieldOf(error.code) : 'form';
      setRefused({ [field]: messageOf(error) });
    } finally {
      setSaving(false);
    }
  };
  return {
    draft,
    errors,
    dirty: edited !== null && Object.keys(change).length > 0,
    saving,
    set: (next) => {
      setRefused({});
      setEdited({ ...draft, ...next });
    },
    save: () => void save(),
    reset: () => {
      setRefused({});
      setEdited(null);
    },
  };
}
