import type { AssignmentCandidate, AssignmentDecision, AssignmentOffer } from '@supportbase/handoff';
import { CheckCircle2, CircleHelp } from 'lucide-react';

import { useClient } from '../app/context';
import { useLoad } from '../app/load';
import { duration, time } from '../format';
import { Avatar } from '../ui/avatar';
import { classes } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Banner, Empty, Skeleton } from '../ui/feedback';
import { messageOf } from '../ui/toasts';
import styles from './context.module.css';

/** Why this agent, and why not the others: from the recorded decisions. */
export function WhyDialog({ conversationId, onClose }: { conversationId: string; onClose: () => void }) {
  const client = useClient();
  const { data, error } = useLoad(conversationId, () => client.explainAssignment(conversationId));
  return (
    <Dialog title="Why this agent?" width={560} onClose={onClose}>
      {error !== null && <Banner tone="red">{messageOf(error)}</Banner>}
      {data === null && error === null && <Skeleton width="100%" height={90} />}
      {data !== null && data.offers.length > 0 && <Asked offers={data.offers} />}
      {data?.decisions.length === 0 && (
        <Empty icon={<CircleHelp size={24} />} title="Nobody was chosen yet">
          <p>Decisions are kept for 30 days from when a conversation is given to an agent.</p>
        </Empty>
      )}
      {data?.decisions.map((decision) => (
        <Decision key={decision.decided_at} decision={decision} />
      ))}
    </Dialog>
  );
}

/** Who was asked before, where agents are asked. */
function Asked({ offers }: { offers: readonly AssignmentOffer[] }) {
  return (
    <ul className={styles.candidates} aria-label="Who was asked">
      {offers.map((offer) => (
        <li key={offer.offered_at}>
          <span>{offer.agent?.name ?? 'An agent'}</span>
          <span className="numbers">{time(offer.offered_at)}</span>
          <span>
            {offer.state}
            {offer.end_reason !== null && `: ${offer.end_reason}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Decision({ decision }: { decision: AssignmentDecision }) {
  const name = decision.agent.name ?? 'An agent';
  const facts = [
    time(decision.decided_at),
    decision.decided_by === null
      ? `by the queue (${decision.strategy.replace('_', ' ')})`
      : `by ${decision.decided_by.name ?? 'a member'}`,
    decision.waited_seconds > 0 ? `after ${duration(decision.waited_seconds)} of waiting` : null,
    decision.queue_position === null ? null : `from place ${decision.queue_position}`,
  ];
  return (
    <section className={styles.decision}>
      <div className={styles.decisionHead}>
        <Avatar name={decision.agent.name} seed={decision.agent.id} image={decision.agent.avatar_url} size={34} />
        <div>
          <h3>{name}</h3>
          <p>{facts.filter(Boolean).join(', ')}</p>
        </div>
      </div>
      <p className={styles.decisionText}>{decision.text}</p>
      {decision.candidates.length > 0 && (
        <ul className={styles.candidates} aria-label="Who could have taken it">
          {decision.candidates.map((candidate) => (
            <Candidate key={candidate.id} candidate={candidate} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Candidate({ candidate }: { candidate: AssignmentCandidate }) {
  const chosen = candidate.verdict === 'chosen';
  return (
    <li className={classes(chosen && styles.chosen)}>
      <span>
        {candidate.name ?? 'An agent'}
        {chosen && <CheckCircle2 size={14} aria-hidden="true" />}
      </span>
      <span className="numbers">
        {candidate.free_slots} free {candidate.free_slots === 1 ? 'slot' : 'slots'}
      </span>
      <span>{candidate.text}</span>
    </li>
  );
}
