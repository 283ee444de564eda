import { createCalls, type AgentCalls } from './calls.js';
import { Live } from './live.js';
import type { AgentClient, AgentOptions } from './types.js';

/** A client for one signed-in member of the team; see {@link AgentClient}. */
export function createAgentClient(options: AgentOptions): AgentClient {
  const live = new Live(options);
  const calls = createCalls(options.supabase, options.projectId, () => live.userId);
  return Object.assign(live, shownAtOnce(calls, live), { projectId: options.projectId });
}

/** One's own calls show at once, whenever their broadcast comes. */
function shownAtOnce(calls: AgentCalls, live: Live): AgentCalls {
  const moves =
    <Rest extends unknown[], Answer>(call: (id: string, ...rest: Rest) => Promise<Answer>) =>
    async (id: string, ...rest: Rest): Promise<Answer> => {
      const answer = await call(id, ...rest);
      live.changed(id);
      return answer;
    };
  const concernsTheTeam =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const answer = await call(...args);
      await live.team.refresh();
      return answer;
    };
  return {
    ...calls,
    claim: moves(calls.claim),
    takeOver: moves(calls.takeOver),
    transfer: moves(calls.transfer),
    resolve: moves(calls.resolve),
    close: moves(calls.close),
    markSpam: moves(calls.markSpam),
    setStatus: concernsTheTeam(calls.setStatus),
    setSkills: concernsTheTeam(calls.setSkills),
    changeMember: concernsTheTeam(calls.changeMember),
    removeMember: concernsTheTeam(calls.removeMember),
    updateProfile: concernsTheTeam(calls.updateProfile),
    updateSettings: async (change) => {
      const settings = await calls.updateSettings(change);
      live.settings.change(() => settings);
      return settings;
    },
  };
}
