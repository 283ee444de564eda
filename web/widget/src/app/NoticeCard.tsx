import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { VisitorNotice } from '@supportbase/handoff';

import { countdown, openingText } from '../logic/time.js';
import { useNow, usePanel } from './context.js';
import { EmailForm } from './EmailForm.js';
import { ClockIcon, MailIcon, MoonIcon, PersonIcon } from './icons.js';
import type { ChatState } from './model.js';

/** What the system asked or told, with its button (docs/events.md, "What the clock says"). */
export function NoticeCard({ state }: { state: ChatState }): JSX.Element | null {
  const [dismissed, dismiss] = useState<VisitorNotice | null>(null);
  const { notice } = state.visitor;
  if (!notice || notice === dismissed) return null;
  const close = (): void => dismiss(notice);
  switch (notice.type) {
    case 'inactivity_warning':
      return <StillHere closesAt={notice.closesAt} />;
    case 'agent_disconnected':
      return <AgentLeft state={state} />;
    case 'requeue_offer':
      return <RequeueOffer state={state} onKeepWaiting={close} />;
    case 'team_offline':
      return <TeamOffline opensAt={notice.opensAt} showForm={notice.showOfflineForm} />;
    case 'email_request':
      return <EmailRequest state={state} onDismiss={close} />;
  }
}

interface CardProps {
  icon: ComponentChildren;
  title?: string;
  tone: 'warning' | 'calm';
  children?: ComponentChildren;
}

const Card = ({ icon, title, tone, children }: CardProps): JSX.Element => (
  <section class={`sb-card sb-notice sb-${tone}`}>
    <span class="sb-notice-icon">{icon}</span>
    <div class="sb-notice-body">
      {title && <h3>{title}</h3>}
      {children}
    </div>
  </section>
);

function StillHere({ closesAt }: { closesAt: string | null }): JSX.Element {
  const { say, model } = usePanel();
  const left = countdown(closesAt ?? '', useNow(closesAt !== null));
  return (
    <Card icon={<ClockIcon />} title={say('stillHereTitle')} tone="warning">
      <p>{left === null ? say('stillHereSoon') : say('stillHereDetail', { time: left })}</p>
      <button type="button" class="sb-button sb-primary" onClick={() => void model.stillHere()}>
        {say('stillHere')}
      </button>
    </Card>
  );
}

function AgentLeft({ state }: { state: ChatState }): JSX.Element {
  const { say } = usePanel();
  return (
    <Card icon={<span class="sb-spinner" />} tone="calm">
      <p>{say('agentLeft', { name: state.visitor.agent?.name ?? say('someone') })}</p>
    </Card>
  );
}

function RequeueOffer({ state, onKeepWaiting }: { state: ChatState; onKeepWaiting: () => void }): JSX.Element {
  const { say, model } = usePanel();
  return (
    <Card
      icon={<PersonIcon />}
      title={say('requeueTitle', { name: state.visitor.agent?.name ?? say('someone') })}
      tone="warning"
    >
      <p>{say('requeueDetail')}</p>
      <div class="sb-buttons">
        <button type="button" class="sb-button sb-primary" onClick={() => void model.returnToQueue()}>
          {say('requeue')}
        </button>
        <button type="button" class="sb-button" onClick={onKeepWaiting}>
          {say('keepWaiting')}
        </button>
      </div>
    </Card>
  );
}

function TeamOffline({ opensAt, showForm }: { opensAt: string | null; showForm: boolean }): JSX.Element {
  const { say, model, locale } = usePanel();
  const text = opensAt
    ? say('teamOfflineDetail', { time: openingText(opensAt, Date.now(), locale) })
    : say('teamOfflineUnknown');
  return (
    <Card icon={<MoonIcon />} title={say('teamOfflineTitle')} tone="calm">
      <p>{text}</p>
      {showForm && (
        <button type="button" class="sb-button sb-primary" onClick={() => model.wantForm()}>
          {say('leaveMessage')}
        </button>
      )}
    </Card>
  );
}

function EmailRequest({ state, onDismiss }: { state: ChatState; onDismiss: () => void }): JSX.Element {
  const { say } = usePanel();
  return (
    <Card icon={<MailIcon />} tone="calm">
      <EmailForm state={state} label={say('emailRequest')} />
      {state.email === null && (
        <button type="button" class="sb-link" onClick={onDismiss}>
          {say('emailDismiss')}
        </button>
      )}
    </Card>
  );
}
