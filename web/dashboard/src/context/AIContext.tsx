import type { ConversationContext } from '@supportbase/handoff';
import { CircleHelp } from 'lucide-react';

import { handoffWords } from '../conversation/words';
import { percent, time } from '../format';
import { Button } from '../ui/controls';
import { Skeleton } from '../ui/feedback';
import styles from './context.module.css';
import { Fact, Facts, Section } from './ContextPanel';

/** What the AI knew (F001 5.7.5): nobody is asked the same again. */
export function AIContext({ context, onWhy }: { context: ConversationContext | null; onWhy: () => void }) {
  const why = (
    <Button small kind="ghost" icon={<CircleHelp size={14} />} onClick={onWhy}>
      Why this agent?
    </Button>
  );
  return (
    <Section title="AI context" action={why}>
      {context === null ? <Skeleton width="80%" height={14} /> : <Known context={context} />}
    </Section>
  );
}

function Known({ context }: { context: ConversationContext }) {
  const { handoff_triggered_at: at, ai_confidence_at_handoff: confidence, ai_attempts: attempts, topics } = context;
  return (
    <>
      <Facts>
        {at !== null && <Fact name="Handoff reason">{handoffWords(context)}</Fact>}
        {at !== null && <Fact name="Handed off at">{time(at)}</Fact>}
        {confidence !== null && <Fact name="AI confidence">{percent(confidence)} (at handoff)</Fact>}
        <Fact name="AI attempts">
          {attempts} {attempts === 1 ? 'answer' : 'answers'}
          {at === null ? ' so far' : ' before handoff'}
        </Fact>
      </Facts>
      {topics.length > 0 && (
        <ul className={styles.topics} aria-label="Topics discussed">
          {topics.map((topic) => (
            <li key={topic}>{topic}</li>
          ))}
        </ul>
      )}
    </>
  );
}
