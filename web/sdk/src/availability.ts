/** Whether a person can take over, and what asking for one brings (F001 5.10 and 7.5). */
import type { AgentProfile } from './team.js';
import type { ConversationStatus } from './conversation.js';
import type { WaitRange } from './protocol.js';

export type UnavailableReason = 'disabled' | 'no_agents' | 'outside_hours' | 'all_offline';

/** `get_handoff_availability`, and the payload of `availability_changed`. */
export interface Availability {
  available: boolean;
  /** Absent when available. */
  reason?: UnavailableReason;
  show_button: boolean;
  show_offline_form: boolean;
  /** With `outside_hours`, when the project opens within 370 days. */
  opens_at?: string;
}

/** A place in the queue. */
export interface QueuePlace extends WaitRange {
  /** 1 is served next. */
  position: number;
  /** -1 while nobody is online. */
  estimatedWaitMinutes: number;
  /** When this was told (milliseconds since 1970): the forecast counts down from here. */
  receivedAt: number;
}

/** The answers of `request_handoff`, `queue_status` and `return_to_queue`. */
export type HandoffAnswer = WaitingAnswer | AgentAnswer | OfflineAnswer;

export interface WaitingAnswer extends WaitRange {
  status: 'waiting';
  queue_position: number;
  estimated_wait_minutes: number;
}

export interface AgentAnswer {
  status: 'agent_active';
  assigned_agent: AgentProfile;
}

export interface OfflineAnswer {
  status: 'offline';
  reason: UnavailableReason;
  message: string;
  show_offline_form: boolean;
  /** Null where handoff is off or has no agents. */
  business_hours: { timezone: string; next_available?: string | null; opens_at?: string | null } | null;
}

/** `queue_status` of a conversation that neither waits nor has an agent. */
export interface StatusAnswer {
  status: Exclude<ConversationStatus, 'waiting' | 'agent_active'>;
}
