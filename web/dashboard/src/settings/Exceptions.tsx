import type { HoursException } from '@supportbase/handoff';
import { CalendarPlus, Trash2 } from 'lucide-react';
import { useState } from 'react';

import { useClient } from '../app/context';
import { useEvents, useLoad } from '../app/load';
import { Button, IconButton, TextField } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import page from '../ui/page.module.css';
import { useToasts } from '../ui/toasts';
import { Toggle } from './parts';
import { Ranges } from './Ranges';
import styles from './settings.module.css';
import { rangeOf, rangesError, type RangeDraft } from './validate';

/** Holidays and other dates whose hours are not their weekday's. */
export function Exceptions({ locked }: { locked: boolean }) {
  const client = useClient();
  const toasts = useToasts();
  const { data, reload } = useLoad('exceptions', () => client.hoursExceptions());
  useEvents(['settings_changed'], reload);
  const [adding, setAdding] = useState(false);
  const remove = async (id: string) => {
    if (await toasts.attempt(() => client.deleteHoursException(id))) reload();
  };
  return (
    <section className={`${page.card} ${page.padded}`} aria-label="Holidays and other dates">
      <div className={styles.titleRow}>
        <h2>Holidays and other dates</h2>
        {!locked && (
          <Button small icon={<CalendarPlus size={15} />} onClick={() => setAdding(true)}>
            Add a date
          </Button>
        )}
      </div>
      {data?.length === 0 && <p className={styles.none}>None. Every date has the hours of its weekday.</p>}
      <ul className={styles.lines}>
        {data?.map((exception) => (
          <li key={exception.id}>
            <strong className="numbers">{dateName(exception.date)}</strong>
            <span>{exception.label}</span>
            <span className={styles.lineEnd}>{hoursText(exception)}</span>
            {!locked && (
              <IconButton label={`Remove ${exception.date}`} small onClick={() => void remove(exception.id)}>
                <Trash2 size={14} />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {adding && <AddDialog onClose={() => setAdding(false)} onDone={reload} />}
    </section>
  );
}

function dateName(date: string): string {
  return new Date(`${date}T12:00:00`).toLocaleDateString(undefined, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  });
}

function hoursText({ ranges }: HoursException): string {
  if (ranges === null) return 'Closed';
  return ranges
    .map(({ start, end, overnight }) => `${start} – ${end}${overnight === true ? ' (next day)' : ''}`)
    .join(', ');
}

function AddDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const client = useClient();
  const toasts = useToasts();
  const [date, setDate] = useState('');
  const [label, setLabel] = useState('');
  const [closed, setClosed] = useState(true);
  const [ranges, setRanges] = useState<RangeDraft[]>([{ start: '09:00', end: '12:00' }]);
  const [tried, setTried] = useState(false);
  const rangeError = closed ? undefined : rangesError(ranges);
  const dateError = date === '' ? 'Choose a date' : undefined;
  const save = async () => {
    setTried(true);
    if (dateError !== undefined || rangeError !== undefined) return;
    const hours = closed ? {} : { ranges: ranges.map(rangeOf) };
    const saved = await toasts.attempt(
      () => client.saveHoursException({ date, label: label.trim() || null, ...hours }),
      'Saved',
    );
    if (!saved) return;
    onDone();
    onClose();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit">
        Add
      </Button>
    </>
  );
  return (
    <Dialog title="Other hours on a date" onClose={onClose} onSubmit={() => void save()} footer={footer}>
      <TextField
        label="Date"
        type="date"
        value={date}
        error={tried ? dateError : undefined}
        onChange={(event) => setDate(event.target.value)}
      />
      <TextField
        label="Name"
        placeholder="Christmas"
        maxLength={200}
        value={label}
        onChange={(event) => setLabel(event.target.value)}
      />
      <Toggle
        title="Closed all day"
        about="Otherwise the hours below replace those of the weekday."
        checked={closed}
        disabled={false}
        onChange={setClosed}
      />
      {!closed && <Ranges label="The date" ranges={ranges} error={rangeError} locked={false} onChange={setRanges} />}
    </Dialog>
  );
}
