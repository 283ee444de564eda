package rules_test

import "slices"

// accept takes what is offered, as a claim would; too late it is nobody's offer, whether or not anybody has noticed.
func (s modelState) accept(agent, name string) (modelState, string) {
	if !isModelMember(agent) || !s.sees(agent, name) {
		return s, "ACCESS_DENIED"
	}
	chat := s.Chats[name]
	if chat.Status == "waiting" && (!chat.isOfferedTo(agent) || chat.Offers[chat.openOffer()].Due) {
		return s, "NO_OFFER"
	}
	return s.take(agent, name, false)
}

// decline refuses an offer that nobody has ended yet; asked twice the answer is known.
func (s modelState) decline(agent, name, reason string) (modelState, string) {
	if !isModelMember(agent) || !s.sees(agent, name) {
		return s, "ACCESS_DENIED"
	}
	chat := s.Chats[name]
	if chat.isOfferedTo(agent) {
		return s.with(name, chat.offerEnds("declined", reason)), "success"
	}
	if chat.Status == "waiting" && slices.ContainsFunc(chat.Offers, func(offer modelOffer) bool {
		return offer.Agent == agent && offer.State == "declined" && !offer.Past
	}) {
		return s, "success"
	}
	return s, "NO_OFFER"
}

// due lets the time of the open offer pass.
func (s modelState) due(name string) modelState {
	chat, there := s.Chats[name]
	if !there {
		return s
	}
	return s.with(name, chat.eachOffer(func(offer modelOffer) modelOffer {
		offer.Due = offer.State == "open"
		return offer
	}))
}

// rest lets a minute pass after the last refusal.
func (s modelState) rest() modelState {
	return s.eachOffer(func(offer modelOffer) modelOffer {
		offer.Rested = offer.refused()
		return offer
	})
}

// expiries are what may come of it when somebody ends the offers that are due: all of them are missed. In a crowd those may
// be left for later whose conversations others hold.
func (s modelState) expiries() []modelState {
	var due []string
	for name, chat := range s.Chats {
		if open := chat.openOffer(); open >= 0 && chat.Offers[open].Due {
			due = append(due, name)
		}
	}
	outcomes := []modelState{s.expired(due)}
	for left := 1; s.crowd && left < 1<<len(due); left++ {
		noticed := slices.Clone(due)
		for i, name := range due {
			if left&(1<<i) != 0 {
				noticed = slices.DeleteFunc(noticed, func(other string) bool { return other == name })
			}
		}
		outcomes = append(outcomes, s.expired(noticed))
	}
	return outcomes
}

// expired ends these offers. Who has missed too many in a row is set away.
func (s modelState) expired(names []string) modelState {
	var missedBy []string
	for _, name := range names {
		chat := s.Chats[name]
		missedBy = append(missedBy, chat.Offers[chat.openOffer()].Agent)
		s = s.with(name, chat.offerEnds("missed", ""))
	}
	for _, agent := range missedBy {
		if s.Agents[agent].Status == "online" && s.missesAll(agent) {
			s = s.becomes(agent, "away")
		}
	}
	return s
}

// missesAll says whether the last offers that the agent could answer were all missed, as many as set away.
func (s modelState) missesAll(agent string) bool {
	missed := 0
	for _, offer := range slices.Backward(s.offersTo(agent)) {
		if !offer.Counts || offer.State == "open" {
			continue
		}
		if missed == s.Settings.Away || offer.State != "missed" {
			break
		}
		missed++
	}
	return missed > 0 && missed == s.Settings.Away
}

// ask is the worker's offer. What it knew of the conversation in a crowd may be older than the moment at which it got hold of
// it: it makes no offer then of what somebody else has offered, or what this agent has refused.
func (s modelState) ask(given modelAssignment) (modelState, string) {
	chat := s.Chats[given.chat]
	switch agents, round := s.toAsk(chat); {
	case s.crowd && (chat.openOffer() >= 0 || chat.refusedIn(given.agent, given.round)):
		return s, modelOK
	case !s.crowd && (!slices.Contains(agents, given.agent) || round != given.round):
		return s, given.agent + " was asked before their turn"
	}
	chat.Offers = append(slices.Clip(chat.Offers), modelOffer{
		Agent: given.agent, State: "open", Round: given.round, Turn: len(s.offersTo(given.agent)) + 1, Counts: true,
	})
	return s.with(given.chat, chat), modelOK
}

// toAsk are those who may be asked next to take the conversation, and the round of that: more than one when only the time of
// their last chat decides between them.
func (s modelState) toAsk(chat modelChat) (agents []string, round int) {
	if chat.Status != "waiting" || chat.openOffer() >= 0 {
		return nil, 0
	}
	wished := chat.Preferred != noAgent && chat.Preferred != chat.ReleasedBy && !chat.refusedIn(chat.Preferred, 1)
	switch {
	case wished && s.free(chat.Preferred) > 0:
		return []string{chat.Preferred}, chat.round()
	case wished && s.Agents[chat.Preferred].Status == "online":
		return nil, 0
	}
	if agents = s.neverAsked(chat); len(agents) > 0 {
		return agents, chat.round()
	}
	return s.toAskAgain(chat)
}

// neverAsked are those with the most free slots among the agents who have not refused it.
func (s modelState) neverAsked(chat modelChat) []string {
	var agents []string
	most := 1
	for agent := range s.Agents {
		free := s.free(agent)
		if free < most || agent == chat.ReleasedBy || chat.refusedIn(agent, 1) {
			continue
		}
		if free > most {
			agents, most = nil, free
		}
		agents = append(agents, agent)
	}
	return agents
}

// toAskAgain is who refused it longest ago, in a round before this one, or, when it has rested, in any: then a new round begins.
func (s modelState) toAskAgain(chat modelChat) (agents []string, round int) {
	for _, inRound := range []bool{false, true} {
		for _, refusal := range chat.refusals() {
			able := s.free(refusal.Agent) > 0 && refusal.Agent != chat.ReleasedBy
			switch {
			case able && !inRound && refusal.Round < chat.round():
				return []string{refusal.Agent}, chat.round()
			case able && inRound && chat.rested():
				return []string{refusal.Agent}, refusal.Round + 1
			}
		}
	}
	return nil, 0
}
