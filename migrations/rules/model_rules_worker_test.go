package rules_test

import "fmt"

// assigned is what the worker did: it saw these chats waiting and these agents with free slots, and decided so. Rows that
// somebody else held at that moment it did not see; alone it must have seen all of them.
func (s modelState) assigned(seen workerSaw) (modelState, string) {
	for _, name := range seen.chats {
		if s.Chats[name].Status != "waiting" {
			return s, name + " does not wait"
		}
	}
	for agent, free := range seen.agents {
		if s.free(agent) != free {
			return s, fmt.Sprintf("%s has %d free slots, not %d", agent, s.free(agent), free)
		}
	}
	if !s.crowd && !s.sawAll(seen) {
		return s, "somebody was not seen"
	}
	for _, given := range seen.decided {
		after, answer := s.decided(given)
		if answer != modelOK {
			return s, answer
		}
		s = after
	}
	if !s.crowd && s.canGive() {
		return s, "somebody waits although somebody is free"
	}
	return s, modelOK
}

// decided is one decision of the worker: given to the agent, or offered.
func (s modelState) decided(given modelAssignment) (modelState, string) {
	switch {
	case s.free(given.agent) < 1:
		return s, given.agent + " was given too much"
	case s.Chats[given.chat].ReleasedBy == given.agent:
		return s, given.agent + " was given what they had just given back"
	case s.Settings.Offers:
		return s.ask(given)
	case !s.crowd && !s.mayTake(given.agent, s.Chats[given.chat]):
		return s, given.agent + " was given what waits for another"
	default:
		return s.move(given.chat, "agent_active", given.agent)
	}
}

// canGive says whether something waits that a free agent could take.
func (s modelState) canGive() bool {
	for _, chat := range s.Chats {
		if s.takeable(chat) {
			return true
		}
	}
	return false
}

// takeable says whether the chat waits and somebody free may take it, or be asked.
func (s modelState) takeable(chat modelChat) bool {
	if s.Settings.Offers {
		agents, _ := s.toAsk(chat)
		return len(agents) > 0
	}
	for agent := range s.Agents {
		if chat.Status == "waiting" && s.mayTake(agent, chat) {
			return true
		}
	}
	return false
}

// mayTake says whether the agent could be given the waiting chat now. Who has just given it back could not, nor anybody
// but its preferred agent while that one is online: a walk is shorter than the times for which these come first.
func (s modelState) mayTake(agent string, chat modelChat) bool {
	holds := chat.Preferred != chat.ReleasedBy && s.Agents[chat.Preferred].Status == "online"
	return s.free(agent) > 0 && agent != chat.ReleasedBy && (!holds || agent == chat.Preferred)
}

func (s modelState) sawAll(seen workerSaw) bool {
	waiting, free := 0, 0
	for _, chat := range s.Chats {
		if s.takeable(chat) {
			waiting++
		}
	}
	for name := range s.Agents {
		if s.free(name) > 0 {
			free++
		}
	}
	return waiting == len(seen.chats) && free == len(seen.agents)
}
