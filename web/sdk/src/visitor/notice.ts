import type { ConversationStatus, Message } from '../conversation.js';
import type { VisitorNotice } from './types.js';

/** The notice after one more message: the system's may bring one, everybody's own message takes the fitting one away. */
export function noticeAfterMessage(notice: VisitorNotice | null, message: Message): VisitorNotice | null {
  switch (message.sender_type) {
    case 'system':
      return noticeIn(message) ?? (message.metadata.type === 'auto_closed' ? null : notice);
    case 'customer': // A sign of life. It does not answer the question for an address, nor bring an agent back.
      return notice?.type === 'inactivity_warning' ? null : notice;
    case 'agent':
      return notice?.type === 'agent_disconnected' || notice?.type === 'requeue_offer' ? null : notice;
    case 'ai':
      return notice;
  }
}

/** A move of the conversation answers everything but the question for an address. */
export function noticeAfterMove(notice: VisitorNotice | null, status: ConversationStatus): VisitorNotice | null {
  if (status === 'closed' || status === 'resolved') return null;
  return notice?.type === 'email_request' ? notice : null;
}

function noticeIn({ metadata }: Message): VisitorNotice | null {
  switch (metadata.type) {
    case 'inactivity_warning':
      return { type: 'inactivity_warning', closesAt: metadata.closes_at ?? null };
    case 'agent_disconnected':
      return { type: 'agent_disconnected' };
    case 'requeue_offer':
      return { type: 'requeue_offer' };
    case 'email_request':
      return { type: 'email_request' };
    case 'team_offline':
      return {
        type: 'team_offline',
        opensAt: metadata.opens_at ?? null,
        showOfflineForm: metadata.show_offline_form !== false,
      };
    default:
      return null;
  }
}
