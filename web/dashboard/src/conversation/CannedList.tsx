import type { CannedResponse } from '@supportbase/handoff';

import { classes } from '../ui/controls';
import styles from './conversation.module.css';

interface CannedListProps {
  id: string;
  matches: readonly CannedResponse[];
  active: number;
  onChoose: (place: number) => void;
}

export function CannedList({ id, matches, active, onChoose }: CannedListProps) {
  return (
    <ul id={id} role="listbox" aria-label="Canned responses" className={styles.canned}>
      {matches.map((response, place) => (
        <li
          key={response.id}
          id={`${id}-${place}`}
          role="option"
          aria-selected={place === active}
          className={classes(styles.cannedOption, place === active && styles.cannedActive)}
          // The text keeps the focus.
          onPointerDown={(event) => {
            event.preventDefault();
            onChoose(place);
          }}
        >
          <code>/{response.shortcut}</code>
          <span className="ellipsis">{response.content}</span>
        </li>
      ))}
    </ul>
  );
}
