import type { Conversation } from '@supportbase/handoff';
import { Pencil } from 'lucide-react';

import { IconButton } from '../ui/controls';
import styles from './context.module.css';
import { Section } from './ContextPanel';

export function Tags({ conversation, onEdit }: { conversation: Conversation; onEdit: () => void }) {
  const {
    tags,
    required_skills: skills,
    priority,
    satisfaction_rating: rating,
    satisfaction_feedback: feedback,
  } = conversation;
  const edit = (
    <IconButton label="Edit tags" small onClick={onEdit}>
      <Pencil size={13} />
    </IconButton>
  );
  return (
    <Section title="Tags" action={edit}>
      <div className={styles.tags}>
        {tags.length === 0 && skills.length === 0 && priority === 0 && <span className={styles.none}>None yet</span>}
        {priority > 0 && <span className={styles.priority}>Priority {priority}</span>}
        {tags.map((tag) => (
          <span key={tag}>{tag}</span>
        ))}
        {skills.map((skill) => (
          <span key={skill} title="Required skill">
            needs {skill}
          </span>
        ))}
      </div>
      {rating !== null && (
        <p className={styles.rating}>
          <span aria-label={`Rated ${rating} of 5`} role="img">
            {'★'.repeat(rating)}
            <span>{'★'.repeat(5 - rating)}</span>
          </span>
          {feedback !== null && <q>{feedback}</q>}
        </p>
      )}
    </Section>
  );
}
