import type { HandoffSettings, Weekday } from '@supportbase/handoff';

import { useIsAdmin } from '../app/context';
import { Field, inputClass, Switch } from '../ui/controls';
import page from '../ui/page.module.css';
import { Exceptions } from './Exceptions';
import { SaveBar, Toggle } from './parts';
import { Ranges } from './Ranges';
import styles from './settings.module.css';
import { useDraft, type DraftForm } from './useDraft';
import { weekdays, type DayDraft } from './validate';

export function HoursSection({ settings }: { settings: HandoffSettings }) {
  const form = useDraft(settings);
  const locked = !useIsAdmin();
  const { draft, set } = form;
  return (
    <>
      <header className={page.head}>
        <h1>Business hours</h1>
        <p>Outside of them customers leave an address, and the conversation waits for the team.</p>
      </header>
      <section className={`${page.card} ${page.padded}`}>
        <Toggle
          title="Enable business hours"
          about="Handoff is available only during these hours."
          checked={draft.business_hours_enabled}
          disabled={locked}
          onChange={(enabled) => set({ business_hours_enabled: enabled })}
        />
        {draft.business_hours_enabled && (
          <>
            <Timezone form={form} locked={locked} />
            <ul className={styles.days}>
              {weekdays.map((day) => (
                <Day key={day} day={day} form={form} locked={locked} />
              ))}
            </ul>
          </>
        )}
      </section>
      {draft.business_hours_enabled && <Exceptions locked={locked} />}
      <SaveBar form={form} />
    </>
  );
}

const zones = Intl.supportedValuesOf('timeZone');

function Timezone({ form, locked }: { form: DraftForm; locked: boolean }) {
  const { draft, errors, set } = form;
  // The browser's list has no "UTC", and a project may have an older name.
  const known = [...new Set(['UTC', draft.timezone, ...zones])];
  return (
    <Field label="Time zone" error={errors.timezone}>
      {(ids) => (
        <select
          {...ids}
          className={inputClass}
          disabled={locked}
          value={draft.timezone}
          onChange={(event) => set({ timezone: event.target.value })}
        >
          {known.map((zone) => (
            <option key={zone} value={zone}>
              {zone.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Day({ day, form, locked }: { day: Weekday; form: DraftForm; locked: boolean }) {
  const { draft, errors, set } = form;
  const hours = draft.business_hours[day];
  const name = day.charAt(0).toUpperCase() + day.slice(1);
  const change = (next: Partial<DayDraft>) =>
    set({ business_hours: { ...draft.business_hours, [day]: { ...hours, ...next } } });
  return (
    <li className={styles.day} aria-label={name}>
      <Switch
        label={`Open on ${name}`}
        checked={hours.enabled}
        disabled={locked}
        onChange={(enabled) => change({ enabled })}
      />
      <span className={styles.dayName}>{name}</span>
      {hours.enabled ? (
        <Ranges
          label={name}
          ranges={hours.ranges}
          error={errors[day]}
          locked={locked}
          onChange={(ranges) => change({ ranges })}
        />
      ) : (
        <span className={styles.closed}>Closed</span>
      )}
    </li>
  );
}
