import type { Conversation, ConversationView, Customer, CustomerHistory, WebVisit } from '@supportbase/handoff';
import { Copy, Flag, Mail, Pencil } from 'lucide-react';
import { useState } from 'react';

import { useClient } from '../app/context';
import { useNow } from '../app/store';
import { ago, customerName, day, pagePath } from '../format';
import { Avatar } from '../ui/avatar';
import { Button, Field, IconButton, inputClass } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { useToasts } from '../ui/toasts';
import styles from './context.module.css';
import { Fact, Facts } from './ContextPanel';

interface CustomerCardProps {
  view: ConversationView;
  conversation: Conversation;
  history: CustomerHistory | null;
  onChanged: () => void;
}

export function CustomerCard({ view, conversation, history, onChanged }: CustomerCardProps) {
  const customer = history?.customer ?? null;
  const email = customer?.email ?? conversation.customer_email;
  return (
    <section className={styles.section} aria-label="Customer">
      <div className={styles.person}>
        <Avatar
          name={customer?.name ?? conversation.customer_name ?? email}
          seed={conversation.customer_id ?? conversation.id}
          size={52}
        />
        <div className={styles.personText}>
          <div className={styles.personName}>{customer?.name ?? customerName(conversation)}</div>
          {email === null ? <Anonymous conversation={conversation} view={view} /> : <Email email={email} />}
        </div>
      </div>
      {customer?.is_flagged === true && <Flagged customer={customer} />}
      {history !== null && <CustomerFacts history={history} conversation={conversation} />}
      {customer !== null && <CustomerNotes customer={customer} onChanged={onChanged} />}
    </section>
  );
}

function Email({ email }: { email: string }) {
  const toasts = useToasts();
  const copy = () => void toasts.attempt(() => navigator.clipboard.writeText(email), 'Copied');
  return (
    <div className={styles.emailLine}>
      <span className="ellipsis">{email}</span>
      <IconButton label="Copy the address" small onClick={copy}>
        <Copy size={13} />
      </IconButton>
    </div>
  );
}

/** F001 5.11.7. */
function Anonymous({ conversation, view }: { conversation: Conversation; view: ConversationView }) {
  const client = useClient();
  const toasts = useToasts();
  const mayAsk = conversation.status === 'agent_active' && conversation.assigned_agent_id === client.userId;
  return (
    <>
      <div className={styles.visitorId}>{conversation.visitor_id}</div>
      {mayAsk && (
        <Button
          small
          icon={<Mail size={14} />}
          disabled={conversation.awaiting_email}
          onClick={() => void toasts.attempt(() => view.requestEmail(), 'The customer was asked for an address')}
        >
          {conversation.awaiting_email ? 'Email requested' : 'Request email'}
        </Button>
      )}
    </>
  );
}

function Flagged({ customer }: { customer: Customer }) {
  return (
    <div className={styles.flagged}>
      <Flag size={14} aria-hidden="true" />
      <span>Flagged{customer.flag_reason === null ? '' : `: ${customer.flag_reason}`}</span>
    </div>
  );
}

function CustomerFacts({ history, conversation }: { history: CustomerHistory; conversation: Conversation }) {
  const now = useNow(15_000);
  const { customer, current_session: session } = history;
  const total = customer.total_conversations;
  return (
    <Facts>
      <Fact name="First seen">{day(customer.first_seen_at, now)}</Fact>
      <Fact name="Total chats">{total === 1 ? '1 (this one)' : total}</Fact>
      <Fact name="Last visit">{ago(customer.last_seen_at, now)}</Fact>
      <Fact name="Source">{conversation.source}</Fact>
      {session !== null && <Session session={session} />}
    </Facts>
  );
}

function Session({ session }: { session: WebVisit }) {
  const system = [session.browser, session.os].filter(Boolean).join(' / ');
  return (
    <>
      <Fact name="Page">
        <span className="ellipsis" title={session.url}>
          {pagePath(session.url)}
        </span>
      </Fact>
      {session.device !== null && <Fact name="Device">{session.device}</Fact>}
      {system !== '' && <Fact name="Browser">{system}</Fact>}
      {session.language !== null && <Fact name="Language">{session.language}</Fact>}
      {session.timezone !== null && <Fact name="Time zone">{session.timezone}</Fact>}
      {session.location !== null && <Fact name="Location">{session.location}</Fact>}
    </>
  );
}

function CustomerNotes({ customer, onChanged }: { customer: Customer; onChanged: () => void }) {
  const [dialog, setDialog] = useState<'notes' | 'flag' | null>(null);
  const client = useClient();
  const toasts = useToasts();
  const unflag = async () => {
    if (await toasts.attempt(() => client.flagCustomer(customer.id, false), 'The flag is gone')) onChanged();
  };
  const close = () => setDialog(null);
  return (
    <>
      {customer.internal_notes !== null && <p className={styles.customerNotes}>{customer.internal_notes}</p>}
      <div className={styles.buttons}>
        <Button
          small
          icon={<Flag size={13} />}
          onClick={() => (customer.is_flagged ? void unflag() : setDialog('flag'))}
        >
          {customer.is_flagged ? 'Unflag' : 'Flag'}
        </Button>
        <Button small icon={<Pencil size={13} />} onClick={() => setDialog('notes')}>
          {customer.internal_notes === null ? 'Add note' : 'Edit note'}
        </Button>
      </div>
      {dialog === 'notes' && (
        <TextDialog
          title="Note on this customer"
          label="Note"
          hint="The whole team sees it in every conversation with this customer; the customer does not."
          initial={customer.internal_notes ?? ''}
          onClose={close}
          onSave={async (text) => {
            await client.updateCustomerNotes(customer.id, text);
            onChanged();
          }}
        />
      )}
      {dialog === 'flag' && (
        <TextDialog
          title="Flag this customer"
          label="Reason"
          hint="Agents see it before they answer."
          initial=""
          onClose={close}
          onSave={async (text) => {
            await client.flagCustomer(customer.id, true, text);
            onChanged();
          }}
        />
      )}
    </>
  );
}

interface TextDialogProps {
  title: string;
  label: string;
  hint: string;
  initial: string;
  onSave: (text: string) => Promise<void>;
  onClose: () => void;
}

function TextDialog({ title, label, hint, initial, onSave, onClose }: TextDialogProps) {
  const [text, setText] = useState(initial);
  const toasts = useToasts();
  const save = async () => {
    if (await toasts.attempt(() => onSave(text.trim()))) onClose();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit">
        Save
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} onSubmit={() => void save()} footer={footer}>
      <Field label={label} hint={hint}>
        {(ids) => (
          <textarea
            rows={4}
            className={inputClass}
            {...ids}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
    </Dialog>
  );
}
