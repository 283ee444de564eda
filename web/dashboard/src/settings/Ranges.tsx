import { Plus, X } from 'lucide-react';

import { errorClass, IconButton } from '../ui/controls';
import styles from './settings.module.css';
import { isOvernight, type RangeDraft } from './validate';

interface RangesProps {
  /** Whose hours: said to screen readers with each time. */
  label: string;
  ranges: readonly RangeDraft[];
  error: string | undefined;
  locked: boolean;
  onChange: (ranges: RangeDraft[]) => void;
}

/** The opening hours of one day, one below the other. */
export function Ranges({ label, ranges, error, locked, onChange }: RangesProps) {
  const change = (place: number, next: Partial<RangeDraft>) =>
    onChange(ranges.map((range, at) => (at === place ? { ...range, ...next } : range)));
  return (
    <div className={styles.ranges}>
      {ranges.map((range, place) => (
        // Ranges have no identity but their place.
        <div key={place} className={styles.rangeLine}>
          <input
            type="time"
            aria-label={`${label} opens`}
            value={range.start}
            disabled={locked}
            onChange={(event) => change(place, { start: event.target.value })}
          />
          <span aria-hidden="true">–</span>
          <input
            type="time"
            aria-label={`${label} closes`}
            aria-invalid={error !== undefined}
            value={range.end}
            disabled={locked}
            onChange={(event) => change(place, { end: event.target.value })}
          />
          {isOvernight(range) && range.start !== range.end && <span className={styles.overnight}>next day</span>}
          {!locked && ranges.length > 1 && (
            <IconButton
              label={`Remove hours of ${label}`}
              small
              onClick={() => onChange(ranges.filter((_, at) => at !== place))}
            >
              <X size={14} />
            </IconButton>
          )}
          {!locked && place === ranges.length - 1 && (
            <IconButton label={`More hours on ${label}`} small onClick={() => onChange([...ranges, after(range)])}>
              <Plus size={15} />
            </IconButton>
          )}
        </div>
      ))}
      {error !== undefined && (
        <div className={errorClass} role="alert">
          {error}
        </div>
      )}
    </div>
  );
}

/** A suggestion: an hour later, for three hours. */
function after({ end }: RangeDraft): RangeDraft {
  const hour = Math.min(22, Number(end.slice(0, 2)) + 1);
  return { start: clock(hour), end: clock(Math.min(23, hour + 3)) };
}

function clock(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}
