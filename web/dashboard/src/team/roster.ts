import type { Member, Role, TeamAgent } from '@supportbase/handoff';

/** A line of the team page: somebody of the team, or an invitation. The owner has no member row. */
export interface RosterLine {
  key: string;
  name: string;
  email: string;
  role: Role;
  member: Member | null;
  agent: TeamAgent | null;
}

/** Members and agents are two tables about the same people. */
export function roster(members: readonly Member[], team: readonly TeamAgent[]): RosterLine[] {
  const byUser = new Map(members.filter(isActive).map((member) => [member.user_id, member]));
  const people = team.map((agent): RosterLine => {
    const member = byUser.get(agent.user_id) ?? null;
    const email = agent.email ?? member?.email ?? '';
    return { key: agent.user_id, name: agent.name ?? member?.name ?? email, email, role: agent.role, member, agent };
  });
  const invited = members
    .filter((member) => member.status === 'pending')
    .map((member): RosterLine => ({
      key: member.id,
      name: member.name ?? member.email,
      email: member.email,
      role: member.role,
      member,
      agent: null,
    }));
  return [...people, ...invited];
}

function isActive(member: Member): boolean {
  return member.status === 'active' && member.user_id !== null;
}

export function isExpired(member: Member, now: number): boolean {
  return member.invitation_expires_at !== null && Date.parse(member.invitation_expires_at) < now;
}
