/** The people behind visitor ids, as the team sees them (F001 5.11). */
import type { ConversationStatus } from './conversation.js';

/** What the page tells of itself (F001 5.11.3). */
export interface PageContext {
  browser: string;
  device: string;
  os: string;
  language: string;
  timezone: string;
  screen_resolution: string;
}

export interface Customer {
  id: string;
  project_id: string;
  visitor_id: string;
  merged_visitor_ids: string[];
  /** What a visitor typed; nobody has proved that it is theirs. */
  email: string | null;
  name: string | null;
  first_seen_at: string;
  last_seen_at: string;
  total_conversations: number;
  is_flagged: boolean;
  flag_reason: string | null;
  flagged_at: string | null;
  flagged_by: string | null;
  internal_notes: string | null;
}

export interface WebVisit {
  id: number;
  visitor_id: string;
  url: string;
  title: string | null;
  referrer: string | null;
  browser: string | null;
  device: string | null;
  os: string | null;
  language: string | null;
  timezone: string | null;
  screen: string | null;
  location: string | null;
  created_at: string;
}

/** `customer_history`: page on with `before`, the `created_at` of the last line. */
export interface CustomerHistory {
  customer: Customer;
  current_session: WebVisit | null;
  conversations: { id: string; status: ConversationStatus; preview: string | null; created_at: string }[];
}

/** A row of `lead_captures`: who used the offline form. */
export interface Lead {
  id: string;
  project_id: string;
  session_id: string | null;
  customer_id: string | null;
  user_email: string;
  user_name: string | null;
  question: string;
  created_at: string;
}
