/** What a team has prepared for its agents: canned responses and quick actions (F001 5.7.4, 5.7.5). */
import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc, run } from './core/call.js';

/** Inserted in the composer by "/" and the shortcut; `{name}`, `{email}` and `{agent}` are filled in by the dashboard. */
export interface CannedResponse {
  id: string;
  /** One word in lower case, without the slash. */
  shortcut: string;
  content: string;
}

/** A link template beside conversations; see docs/api.md for its values. */
export interface QuickAction {
  id: string;
  label: string;
  link: string;
  /** Smaller ones come first. */
  position: number;
}

/** A quick action filled for one conversation. */
export interface QuickActionLink {
  id: string;
  label: string;
  /** Null when a value is not known. */
  url: string | null;
  missing: string[];
}

/** Every promise rejects with a HandoffError. Members read; the owner and admins write. */
export interface Playbook {
  cannedResponses(): Promise<CannedResponse[]>;
  /** Without an id a new one; the slash before the shortcut may be given. */
  saveCannedResponse(response: { id?: string; shortcut: string; content: string }): Promise<CannedResponse>;
  deleteCannedResponse(id: string): Promise<void>;
  quickActions(): Promise<QuickAction[]>;
  saveQuickAction(action: { id?: string; label: string; link: string; position?: number }): Promise<QuickAction>;
  deleteQuickAction(id: string): Promise<void>;
  quickActionLinks(conversationId: string): Promise<QuickActionLink[]>;
}

export interface PlaybookOptions {
  /** A supabase-js client in which a member of the project is signed in. */
  supabase: SupabaseClient;
  projectId: string;
}

export function createPlaybook({ supabase, projectId }: PlaybookOptions): Playbook {
  return { ...cannedResponses(supabase, projectId), ...quickActions(supabase, projectId) };
}

type Canned = Pick<Playbook, 'cannedResponses' | 'saveCannedResponse' | 'deleteCannedResponse'>;
type Actions = Omit<Playbook, keyof Canned>;

function cannedResponses(supabase: SupabaseClient, projectId: string): Canned {
  const table = () => supabase.from('canned_responses');
  const columns = 'id, shortcut, content';
  return {
    cannedResponses: () => run<CannedResponse[]>(table().select(columns).eq('project_id', projectId).order('shortcut')),
    saveCannedResponse: ({ id, shortcut, content }) => {
      const saving =
        id === undefined
          ? table().insert({ project_id: projectId, shortcut, content })
          : table().update({ shortcut, content }).eq('id', id);
      return run<CannedResponse>(saving.select(columns).single());
    },
    deleteCannedResponse: async (id) => {
      await run(table().delete().eq('id', id));
    },
  };
}

function quickActions(supabase: SupabaseClient, projectId: string): Actions {
  const table = () => supabase.from('quick_actions');
  const columns = 'id, label, link, position';
  return {
    quickActions: () =>
      run<QuickAction[]>(
        table().select(columns).eq('project_id', projectId).order('position').order('created_at').order('id'),
      ),
    saveQuickAction: ({ id, label, link, position }) => {
      const values = { label, link, ...(position === undefined ? {} : { position }) };
      const saving =
        id === undefined ? table().insert({ project_id: projectId, ...values }) : table().update(values).eq('id', id);
      return run<QuickAction>(saving.select(columns).single());
    },
    deleteQuickAction: async (id) => {
      await run(table().delete().eq('id', id));
    },
    quickActionLinks: (conversationId) =>
      rpc<QuickActionLink[]>(supabase, 'quick_action_links', { p_conversation_id: conversationId }),
  };
}
