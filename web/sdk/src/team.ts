/** The people of a project (F001 5.3, 6.2.6). */

/** What an agent wants, and (as `effective_status`) what they can be given chats by. */
export type AgentStatus = 'online' | 'busy' | 'away' | 'offline';
export type Role = 'owner' | 'admin' | 'agent';
export type MemberStatus = 'pending' | 'active' | 'removed';

/** An agent as customers see them. */
export interface AgentProfile {
  id: string;
  name: string | null;
  avatar_url: string | null;
}

/** A row of `project_members`. The owner has none. */
export interface Member {
  id: string;
  project_id: string;
  user_id: string | null;
  email: string;
  name: string | null;
  avatar_url: string | null;
  role: 'admin' | 'agent';
  status: MemberStatus;
  max_concurrent_chats: number;
  invited_at: string | null;
  invitation_expires_at: string | null;
  accepted_at: string | null;
}

/** `my_invitations`. */
export interface Invitation {
  invitation_id: string;
  project_id: string;
  project_name: string;
  role: 'admin' | 'agent';
  invited_by: string | null;
  invited_at: string;
  expires_at: string;
}

/** `list_agents`: the owner and every active member. */
export interface TeamAgent {
  user_id: string;
  name: string | null;
  email: string | null;
  avatar_url: string | null;
  role: Role;
  status: AgentStatus;
  effective_status: AgentStatus;
  current_chat_count: number;
  max_concurrent_chats: number;
  available_slots: number;
  can_receive_chats: boolean;
  skills: string[];
  last_seen_at: string | null;
  status_changed_at: string | null;
}

/** `set_agent_status`, `set_agent_skills`. */
export interface AgentState {
  user_id: string;
  status: AgentStatus;
  effective_status: AgentStatus;
  status_changed_at: string;
  status_set_by: string | null;
  current_chat_count: number;
  /** Open offers; each keeps a slot. */
  offered_chat_count: number;
  max_concurrent_chats: number;
  available_slots: number;
  skills: string[];
}

/** `team_stats`: today in the project's time zone, and now. */
export interface TeamStats {
  date: string;
  timezone: string;
  resolved: number;
  avg_first_response_seconds: number | null;
  csat: { average: number | null; count: number };
  waiting: number;
  active: number;
  agents: Record<AgentStatus, number>;
}
