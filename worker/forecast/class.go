package forecast

import (
	"math"
	"slices"
	"strings"
)

// mostClasses bounds the kinds of chats that are told apart. What comes later counts as an ordinary chat.
const mostClasses = 64

// class is chats that the same agents may take at the same times, by their index in the queue, in its order.
type class struct {
	chats    []int
	skills   []string
	reserved reservation
}

// reservation keeps a chat for one agent, or from one, for a while. The agents are indices, -1 for nobody.
type reservation struct {
	preferredID, avoidedID string
	preferred, avoided     int
	holdsFor, avoidsFor    float64
}

// classify sorts the chats into classes. The first is that of the ordinary chats.
func classify(chats []Chat) []class {
	ordinary := class{reserved: reservation{preferred: -1, avoided: -1}}
	classes := []class{ordinary}
	bySkills := map[string]int{"": 0}
	for i, chat := range chats {
		key := strings.Join(chat.RequiredSkills, "\x00")
		held := (chat.HoldsFor > 0 && chat.PreferredAgentID != "") || (chat.AvoidsFor > 0 && chat.AvoidedAgentID != "")
		index, known := bySkills[key]
		switch {
		case held && len(classes) < mostClasses:
			index = len(classes)
			classes = append(classes, class{skills: chat.RequiredSkills, reserved: reservationOf(chat)})
		case !known && len(classes) < mostClasses:
			index = len(classes)
			bySkills[key] = index
			classes = append(classes, class{skills: chat.RequiredSkills, reserved: ordinary.reserved})
		case !known:
			index = 0
		}
		classes[index].chats = append(classes[index].chats, i)
	}
	return classes
}

func reservationOf(chat Chat) reservation {
	reserved := reservation{preferred: -1, avoided: -1}
	if chat.HoldsFor > 0 {
		reserved.preferredID, reserved.holdsFor = chat.PreferredAgentID, chat.HoldsFor.Seconds()
	}
	if chat.AvoidsFor > 0 {
		reserved.avoidedID, reserved.avoidsFor = chat.AvoidedAgentID, chat.AvoidsFor.Seconds()
	}
	return reserved
}

// eligible are the classes that the agent has the skills for.
func eligible(classes []class, agent Agent) []int {
	var able []int
	for i := range classes {
		lacks := func(skill string) bool { return !slices.Contains(agent.Skills, skill) }
		if len(classes[i].chats) > 0 && !slices.ContainsFunc(classes[i].skills, lacks) {
			able = append(able, i)
		}
	}
	return able
}

// name turns the ids of the reservations into indices. A chat that is kept for somebody who is not there is an ordinary one.
func name(classes []class, agents []Agent) {
	for i := range classes {
		reserved := &classes[i].reserved
		for place, agent := range agents {
			if reserved.preferredID != "" && agent.ID == reserved.preferredID {
				reserved.preferred = place
			}
			if reserved.avoidedID != "" && agent.ID == reserved.avoidedID {
				reserved.avoided = place
			}
		}
	}
}

// opensFor is from when on the agent may take a chat of the class.
func (c *class) opensFor(agent int) float64 {
	opens := 0.0
	if c.reserved.preferred >= 0 && c.reserved.preferred != agent {
		opens = c.reserved.holdsFor
	}
	if c.reserved.avoided == agent {
		opens = math.Max(opens, c.reserved.avoidsFor)
	}
	return opens
}
