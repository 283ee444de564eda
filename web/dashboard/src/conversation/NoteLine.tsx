import type { Note } from '@supportbase/handoff';
import { StickyNote, Trash2 } from 'lucide-react';

import { useClient, useNameOf } from '../app/context';
import { time } from '../format';
import { IconButton } from '../ui/controls';
import { useToasts } from '../ui/toasts';
import styles from './conversation.module.css';

/** What the team told itself; the customer never sees it. */
export function NoteLine({ note, onDelete }: { note: Note; onDelete: () => Promise<void> }) {
  const client = useClient();
  const nameOf = useNameOf();
  const toasts = useToasts();
  return (
    <article className={styles.note} aria-label="Internal note">
      <StickyNote size={15} aria-hidden="true" />
      <div>
        <div className={styles.noteHead}>
          {nameOf(note.author_id)} <span>noted at {time(note.created_at)}, only the team sees it</span>
        </div>
        <div className={styles.noteText}>{note.content}</div>
      </div>
      {note.author_id === client.userId && (
        <IconButton label="Delete note" small onClick={() => void toasts.attempt(onDelete)}>
          <Trash2 size={14} />
        </IconButton>
      )}
    </article>
  );
}
