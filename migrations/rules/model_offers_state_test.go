package rules_test

import (
	"maps"
	"slices"
)

// modelOffer is an offer of a conversation to an agent. A conversation has one at a time that is open.
type modelOffer struct {
	Agent, State, Reason string
	// Round begins with 1; in one round nobody is asked twice.
	Round int
	// Turn counts the offers that the agent got in the project.
	Turn int
	// Due says that it is open, its time is over, and nobody has noticed.
	Due bool
	// Rested says that it was refused at least a minute ago.
	Rested bool
	// Past says that the conversation waited for another reason then.
	Past bool
	// Counts says that the agent has not changed the status since: missed, it is one of those in a row.
	Counts bool
}

// refused says whether the agent did not take it, though nothing stood against that.
func (o modelOffer) refused() bool { return o.State == "declined" || o.State == "missed" }

// openOffer is the place of the open offer; -1 for none.
func (c modelChat) openOffer() int {
	return slices.IndexFunc(c.Offers, func(offer modelOffer) bool { return offer.State == "open" })
}

func (c modelChat) isOfferedTo(agent string) bool {
	open := c.openOffer()
	return open >= 0 && c.Offers[open].Agent == agent
}

// eachOffer changes all offers.
func (c modelChat) eachOffer(change func(modelOffer) modelOffer) modelChat {
	c.Offers = slices.Clone(c.Offers)
	for i, offer := range c.Offers {
		c.Offers[i] = change(offer)
	}
	return c
}

// offerEnds ends the open offer, if there is one.
func (c modelChat) offerEnds(state, reason string) modelChat {
	return c.eachOffer(func(offer modelOffer) modelOffer {
		if offer.State != "open" {
			return offer
		}
		offer.State, offer.Reason, offer.Due = state, reason, false
		offer.Counts = offer.Counts && state != "withdrawn"
		return offer
	})
}

// leftQueue is a conversation that became something else: its offer, if it was waiting, is over.
func (c modelChat) leftQueue(to, owner string) modelChat {
	switch {
	case to == "agent_active" && c.isOfferedTo(owner):
		return c.offerEnds("accepted", "")
	case to == "agent_active":
		return c.offerEnds("withdrawn", "claimed")
	default:
		return c.offerEnds("withdrawn", "closed")
	}
}

// waitsAnew forgets who was asked before.
func (c modelChat) waitsAnew() modelChat {
	return c.eachOffer(func(offer modelOffer) modelOffer {
		offer.Past = true
		return offer
	})
}

// round is that of the last offer since the conversation waits.
func (c modelChat) round() int {
	round := 1
	for _, offer := range c.Offers {
		if !offer.Past {
			round = max(round, offer.Round)
		}
	}
	return round
}

// refusals are the offers that were refused since it waits, the last one of each agent, the oldest first.
func (c modelChat) refusals() []modelOffer {
	var last []modelOffer
	for _, offer := range c.Offers {
		if offer.Past || !offer.refused() {
			continue
		}
		last = slices.DeleteFunc(last, func(before modelOffer) bool { return before.Agent == offer.Agent })
		last = append(last, offer)
	}
	return last
}

// refusedIn says whether the agent has refused it in the round or a later one.
func (c modelChat) refusedIn(agent string, round int) bool {
	return slices.ContainsFunc(c.refusals(), func(refusal modelOffer) bool { return refusal.Agent == agent && refusal.Round >= round })
}

// rested says that nobody refused it within the last minute, though somebody did before.
func (c modelChat) rested() bool {
	refusals := c.refusals()
	return len(refusals) > 0 && !slices.ContainsFunc(refusals, func(refusal modelOffer) bool { return !refusal.Rested })
}

// offered is the number of the agent's open offers.
func (s modelState) offered(agent string) int {
	offers := 0
	for _, chat := range s.Chats {
		if chat.isOfferedTo(agent) {
			offers++
		}
	}
	return offers
}

// offersTo are all that the agent ever got, by their turn.
func (s modelState) offersTo(agent string) []modelOffer {
	var offers []modelOffer
	for _, chat := range s.Chats {
		for _, offer := range chat.Offers {
			if offer.Agent == agent {
				offers = append(offers, offer)
			}
		}
	}
	slices.SortFunc(offers, func(one, other modelOffer) int { return one.Turn - other.Turn })
	return offers
}

// withdrawn takes open offers from the agent, the latest first, until so many are left.
func (s modelState) withdrawn(agent string, left int, reason string) modelState {
	for s.offered(agent) > left {
		latest, turn := "", 0
		for name, chat := range s.Chats {
			if chat.isOfferedTo(agent) && chat.Offers[chat.openOffer()].Turn > turn {
				latest, turn = name, chat.Offers[chat.openOffer()].Turn
			}
		}
		s = s.with(latest, s.Chats[latest].offerEnds("withdrawn", reason))
	}
	return s
}

// countsAnew is an agent whose status has changed: what was missed before is forgotten.
func (s modelState) countsAnew(agent string) modelState {
	return s.eachOffer(func(offer modelOffer) modelOffer {
		offer.Counts = offer.Counts && offer.Agent != agent
		return offer
	})
}

// eachOffer changes all offers.
func (s modelState) eachOffer(change func(modelOffer) modelOffer) modelState {
	s.Chats = maps.Clone(s.Chats)
	for name, chat := range s.Chats {
		s.Chats[name] = chat.eachOffer(change)
	}
	return s
}
