import {
  textOf,
  type Conversation,
  type ConversationView,
  type MessageMetadata,
  type TranscriptMessage,
} from '@supportbase/handoff';
import { Bot, Check, CircleAlert, LoaderCircle } from 'lucide-react';

import { useNameOf } from '../app/context';
import { customerName, percent, time } from '../format';
import { Avatar } from '../ui/avatar';
import { classes } from '../ui/controls';
import { useToasts } from '../ui/toasts';
import { Attachments } from './Attachments';
import styles from './conversation.module.css';
import type { TimelineItem } from './timeline';

interface BubbleProps {
  item: TimelineItem & { kind: 'message' };
  view: ConversationView;
  conversation: Conversation | null;
}

/** One message: the customer on the left, the AI and the team on the right. */
export function Bubble({ item, view, conversation }: BubbleProps) {
  const { message, first, last } = item;
  const side = message.sender_type === 'customer' ? 'left' : 'right';
  const text = textOf(message);
  return (
    <article
      className={classes(styles.message, styles[side], first && styles.runStart)}
      data-sender={message.sender_type}
      data-delivery={message.delivery}
    >
      {side === 'left' && <Face show={last} conversation={conversation} message={message} />}
      <div className={styles.messageBody}>
        {first && <Sender message={message} conversation={conversation} />}
        <Attachments message={message} view={view} />
        {text !== '' && <div className={classes(styles.bubble, last && styles.tail)}>{text}</div>}
        {message.sender_type === 'ai' && <AIFacts metadata={message.metadata} />}
        {(last || message.delivery !== 'sent') && <Delivery message={message} view={view} />}
      </div>
    </article>
  );
}

function Face({
  show,
  conversation,
  message,
}: {
  show: boolean;
  conversation: Conversation | null;
  message: TranscriptMessage;
}) {
  if (!show) return <span className={styles.noFace} />;
  const name = conversation?.customer_name ?? conversation?.customer_email ?? null;
  return <Avatar name={name} seed={conversation?.customer_id ?? message.conversation_id} size={28} />;
}

function Sender({ message, conversation }: { message: TranscriptMessage; conversation: Conversation | null }) {
  const nameOf = useNameOf();
  switch (message.sender_type) {
    case 'ai':
      return (
        <div className={classes(styles.sender, styles.senderAI)}>
          <Bot size={14} aria-hidden="true" /> AI assistant
        </div>
      );
    case 'customer':
      return <div className={styles.sender}>{conversation === null ? 'Customer' : customerName(conversation)}</div>;
    default:
      return <div className={styles.sender}>{nameOf(message.sender_id)}</div>;
  }
}

/** How sure the AI was, and where it had it from. */
function AIFacts({ metadata }: { metadata: MessageMetadata }) {
  const { confidence, sources } = metadata;
  const known = (sources ?? []).filter((source) => source.url?.startsWith('https://') === true);
  if (confidence === undefined && known.length === 0) return null;
  return (
    <div className={styles.aiFacts}>
      {confidence !== undefined && (
        <span className={styles.confidence} data-level={level(confidence)}>
          <span className={styles.meter} aria-hidden="true">
            <span style={{ width: percent(confidence) }} />
          </span>
          Confidence {percent(confidence)}
        </span>
      )}
      {known.map((source) => (
        <a key={source.url} href={source.url} target="_blank" rel="noreferrer">
          {source.title ?? source.url}
        </a>
      ))}
    </div>
  );
}

function level(confidence: number): 'low' | 'middle' | 'high' {
  if (confidence < 0.6) return 'low';
  return confidence < 0.8 ? 'middle' : 'high';
}

/** What Storage says of a file in words of its own. */
const refusals: Partial<Record<string, string>> = {
  file_too_large: 'This file is too large',
  file_type_refused: 'Files of this type are not accepted',
  file_refused: 'No files can be sent here now',
  attachments_off: 'This project takes no files',
};

/** When it was said; of an own message also whether it has arrived. */
function Delivery({ message, view }: { message: TranscriptMessage; view: ConversationView }) {
  const toasts = useToasts();
  const own = message.client_message_id;
  if (message.delivery === 'failed' && own !== null) {
    return (
      <div className={classes(styles.delivery, styles.failed)} role="alert">
        <CircleAlert size={13} aria-hidden="true" />
        {refusals[message.error?.code ?? ''] ?? message.error?.message ?? 'Not sent'}
        <button type="button" onClick={() => void toasts.attempt(() => view.retry(own))}>
          Try again
        </button>
        <button type="button" onClick={() => view.discard(own)}>
          Discard
        </button>
      </div>
    );
  }
  return (
    <div className={styles.delivery}>
      <time>{time(message.created_at)}</time>
      {message.sender_type === 'agent' && <Receipt delivery={message.delivery} />}
    </div>
  );
}

function Receipt({ delivery }: { delivery: TranscriptMessage['delivery'] }) {
  return delivery === 'sending' ? (
    <>
      <LoaderCircle size={12} className={styles.spin} aria-hidden="true" /> Sending
    </>
  ) : (
    <>
      <Check size={13} aria-hidden="true" /> Sent
    </>
  );
}
