import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc, run } from '../core/call.js';
import type { AssignmentExplanation } from '../conversation.js';
import type { Customer, CustomerHistory, Lead, WebVisit } from '../customer.js';
import type { HandoffSettings, HoursException, SettingsChange } from '../settings.js';
import type { AgentState, AgentStatus, Member } from '../team.js';
import type { AgentClient, ClaimResult } from './types.js';

/** What of an {@link AgentClient} is a call and its answer; nothing here is live. */
export type AgentCalls = Pick<AgentClient, keyof (ConversationCalls & TeamCalls & SettingsCalls & CustomerCalls)>;

type ConversationCalls = Pick<
  AgentClient,
  'claim' | 'takeOver' | 'transfer' | 'resolve' | 'close' | 'markSpam' | 'explainAssignment'
>;
type TeamCalls = Pick<
  AgentClient,
  | 'setStatus'
  | 'setSkills'
  | 'setAutoOffline'
  | 'members'
  | 'inviteMember'
  | 'changeMember'
  | 'removeMember'
  | 'updateProfile'
>;
type SettingsCalls = Pick<
  AgentClient,
  'updateSettings' | 'hoursExceptions' | 'saveHoursException' | 'deleteHoursException'
>;
type CustomerCalls = Pick<
  AgentClient,
  'customer' | 'flagCustomer' | 'updateCustomerNotes' | 'renameCustomer' | 'visits' | 'leads'
>;

/** `userId` is asked for when it is needed: before the client has started there is none. */
export function createCalls(supabase: SupabaseClient, projectId: string, userId: () => string): AgentCalls {
  return {
    ...conversationCalls(supabase),
    ...teamCalls(supabase, projectId, userId),
    ...settingsCalls(supabase, projectId),
    ...customerCalls(supabase, projectId),
  };
}

function conversationCalls(supabase: SupabaseClient): ConversationCalls {
  const on = (name: string, conversationId: string) =>
    rpc<unknown>(supabase, name, { p_conversation_id: conversationId });
  const does = async (name: string, conversationId: string) => {
    await on(name, conversationId);
  };
  return {
    claim: async (id) => (await on('claim_conversation', id)) as ClaimResult,
    takeOver: async (id) => (await on('take_over_conversation', id)) as ClaimResult,
    transfer: async (id, toAgentId = null) => {
      await rpc(supabase, 'transfer_conversation', { p_conversation_id: id, p_agent_id: toAgentId });
    },
    resolve: (id) => does('resolve_conversation', id),
    close: (id) => does('close_conversation', id),
    markSpam: (id) => does('mark_spam', id),
    explainAssignment: async (id) => (await on('explain_assignment', id)) as AssignmentExplanation,
  };
}

function teamCalls(supabase: SupabaseClient, projectId: string, userId: () => string): TeamCalls {
  const project = { p_project_id: projectId };
  const memberColumns =
    'id, project_id, user_id, email, name, avatar_url, role, status, max_concurrent_chats, invited_at, invitation_expires_at, accepted_at';
  return {
    setStatus: (status: AgentStatus, ofUser) =>
      rpc<AgentState>(supabase, 'set_agent_status', { ...project, p_status: status, p_user_id: ofUser ?? null }),
    setSkills: (skills, ofUser) =>
      rpc<AgentState>(supabase, 'set_agent_skills', { ...project, p_skills: skills, p_user_id: ofUser ?? null }),
    setAutoOffline: async ({ enabled, minutes }) => {
      const change = {
        ...(enabled === undefined ? {} : { auto_offline_enabled: enabled }),
        ...(minutes === undefined ? {} : { auto_offline_minutes: minutes }),
      };
      await run(supabase.from('agent_availability').update(change).eq('project_id', projectId).eq('user_id', userId()));
    },
    members: () =>
      run<Member[]>(
        supabase
          .from('project_members')
          .select(memberColumns)
          .eq('project_id', projectId)
          .neq('status', 'removed')
          .order('invited_at'),
      ),
    inviteMember: ({ email, role = 'agent', name, maxConcurrentChats }) =>
      rpc<Member>(supabase, 'invite_member', {
        ...project,
        p_email: email,
        p_role: role,
        p_name: name ?? null,
        p_max_concurrent_chats: maxConcurrentChats ?? null,
      }),
    changeMember: (memberId, { role, name, maxConcurrentChats }) =>
      rpc<Member>(supabase, 'change_member', {
        p_member_id: memberId,
        p_role: role ?? null,
        p_name: name ?? null,
        p_max_concurrent_chats: maxConcurrentChats ?? null,
      }),
    removeMember: (memberId) => rpc<Member>(supabase, 'remove_member', { p_member_id: memberId }),
    updateProfile: ({ name, avatarUrl }) =>
      rpc<Member>(supabase, 'update_my_profile', { ...project, p_name: name ?? null, p_avatar_url: avatarUrl ?? null }),
  };
}

function settingsCalls(supabase: SupabaseClient, projectId: string): SettingsCalls {
  const exceptions = () => supabase.from('business_hours_exceptions');
  return {
    updateSettings: (change: SettingsChange) =>
      rpc<HandoffSettings>(supabase, 'update_handoff_settings', { p_project_id: projectId, p_settings: change }),
    hoursExceptions: () => run<HoursException[]>(exceptions().select('*').eq('project_id', projectId).order('date')),
    saveHoursException: async ({ date, ranges = null, label = null }) => {
      const row = { project_id: projectId, date, closed: ranges === null, ranges, label };
      return run<HoursException>(exceptions().upsert(row, { onConflict: 'project_id,date' }).select().single());
    },
    deleteHoursException: async (id) => {
      await run(exceptions().delete().eq('id', id));
    },
  };
}

function customerCalls(supabase: SupabaseClient, projectId: string): CustomerCalls {
  const about = (customerId: string) => ({ p_customer_id: customerId });
  return {
    customer: (id, { limit = 20, before } = {}) =>
      rpc<CustomerHistory>(supabase, 'customer_history', { ...about(id), p_limit: limit, p_before: before ?? null }),
    flagCustomer: (id, flagged, reason) =>
      rpc<Customer>(supabase, 'flag_customer', { ...about(id), p_flagged: flagged, p_reason: reason ?? null }),
    updateCustomerNotes: (id, notes) =>
      rpc<Customer>(supabase, 'update_customer_notes', { ...about(id), p_notes: notes }),
    renameCustomer: async (id, name) => {
      await run(supabase.from('customers').update({ name }).eq('id', id));
    },
    visits: (id, limit = 50) =>
      run<WebVisit[]>(
        supabase
          .from('web_visits')
          .select(
            'id, visitor_id, url, title, referrer, browser, device, os, language, timezone, screen, location, created_at',
          )
          .eq('customer_id', id)
          .order('created_at', { ascending: false })
          .limit(limit),
      ),
    leads: ({ limit = 50, before } = {}) => {
      const newest = supabase.from('lead_captures').select('*').eq('project_id', projectId);
      const page = before === undefined ? newest : newest.lt('created_at', before);
      return run<Lead[]>(page.order('created_at', { ascending: false }).limit(limit));
    },
  };
}
