// The demo project as the dashboard's tests need it: who is there, and in which state.

import { admin, member, until, visitor, PROJECT } from './people.mjs';

/** Answers and fails on a refusal. */
export async function ok(call) {
  const { data, error } = await call;
  if (error) throw new Error(`${error.code}: ${error.message}`);
  return data;
}

/** Everybody of the team offline with five free slots, the settings as they were made, no conversation open. */
export async function tidyUp() {
  const service = admin();
  const owner = await member('owner@example.com');
  await ok(
    owner.rpc('update_handoff_settings', {
      p_project_id: PROJECT,
      p_settings: { enabled: true, trigger_mode: 'both', show_human_button: true, business_hours_enabled: false },
    }),
  );
  const people = await ok(owner.rpc('list_agents', { p_project_id: PROJECT }));
  for (const { user_id: id, role } of people) {
    if (role !== 'owner') {
      await ok(owner.rpc('set_agent_status', { p_project_id: PROJECT, p_status: 'offline', p_user_id: id }));
    }
  }
  const open = await ok(service.from('conversations').select('id').eq('project_id', PROJECT).neq('status', 'closed'));
  for (const { id } of open) await ok(owner.rpc('close_conversation', { p_conversation_id: id }));
  await ok(service.from('canned_responses').delete().eq('project_id', PROJECT));
  await ok(service.from('quick_actions').delete().eq('project_id', PROJECT));
  return { owner, service };
}

let visitors = 0;

/** A visitor with a name of their own who has begun a conversation, and what they did to begin it. */
export async function guest(name, { says = 'Hello', needs = null } = {}) {
  const { client, supabase, storage } = visitor();
  await client.start();
  await client.send(says);
  const email = `${name.toLowerCase().replaceAll(' ', '.')}.${++visitors}@example.com`;
  await client.identify({ email, name });
  const id = client.getSnapshot().conversation.id;
  if (needs)
    await ok(
      admin()
        .from('conversations')
        .update({ required_skills: [needs] })
        .eq('id', id),
    );
  return { client, supabase, storage, id, name, email };
}

/** A guest who asks for a person and is told that they wait, as nobody has the skill. */
export async function waitingGuest(name, options = {}) {
  const one = await guest(name, { needs: 'diving', ...options });
  await one.client.requestHuman();
  await until(one.client, (s) => s.phase === 'waiting_for_agent', `${name} waits`);
  return one;
}

/** What the AI backend does. */
export function aiSays(conversationId, content, confidence) {
  return ok(
    admin().rpc('post_ai_message', {
      p_conversation_id: conversationId,
      p_content: content,
      p_confidence: confidence,
      p_model: 'e2e',
    }),
  );
}
