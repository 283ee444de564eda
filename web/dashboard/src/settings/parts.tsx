import type { ReactNode } from 'react';

import { Button, Switch } from '../ui/controls';
import { Banner } from '../ui/feedback';
import styles from './settings.module.css';
import type { DraftForm } from './useDraft';

/** A switch with its title and what it does. */
export function Toggle({
  title,
  about,
  checked,
  disabled,
  onChange,
}: {
  title: string;
  about: ReactNode;
  checked: boolean;
  disabled: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <div className={styles.toggle}>
      <div>
        <div className={styles.toggleTitle}>{title}</div>
        <div className={styles.toggleAbout}>{about}</div>
      </div>
      <Switch label={title} checked={checked} disabled={disabled} onChange={onChange} />
    </div>
  );
}

/** Stays in sight while something is not saved. */
export function SaveBar({ form }: { form: DraftForm }) {
  if (!form.dirty) return null;
  return (
    <div className={styles.saveBar}>
      {form.errors.form === undefined ? (
        <span>Unsaved changes</span>
      ) : (
        <Banner tone="red" live>
          {form.errors.form}
        </Banner>
      )}
      <Button onClick={form.reset}>Cancel</Button>
      <Button kind="primary" disabled={form.saving} onClick={form.save}>
        {form.saving ? 'Saving …' : 'Save changes'}
      </Button>
    </div>
  );
}
