package rules_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRaces lets fifty people want the same at the same moment. Afterwards the invariants hold, whoever came first.
func TestRaces(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	shared.openAPI(t, crowdSize)
	for name, race := range map[string]func(*testing.T, *world){
		"one conversation is claimed by exactly one of fifty agents": raceOneConversation,
		"an agent claims no more than the limit":                     raceOneAgent,
		"agents exchange their conversations":                        raceExchange,
		"transfers, resolves and messages cross":                     raceOneChat,
		"reopened conversations and the worker share the slots":      raceReopen,
		"visitors close while the worker assigns":                    raceClose,
		"an agent comes and goes while the worker assigns":           raceStatus,
		"two workers and the agents want the same queue":             raceWorkers,
		"a limit is changed while conversations are given":           raceLimit,
		"a visitor starts and closes over and over":                  raceStart,
		"agents are removed from the team in the middle of it":       raceRemoval,
		"an agent's account is deleted in the middle of it":          raceDeletion,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := shared.anotherProject(t)
			race(t, w)
			assertInvariants(t, w)
		})
	}
}

func raceOneConversation(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, crowdSize, 3)
	id := w.raceChats(t, []actor{w.ann}, "waiting", actor{})[0]
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		return agents[i].takes(ctx, "claim_conversation($1)", id)
	})
	assert.Equal(t, 1, timesSaid(answers, "success"))
	assert.Equal(t, crowdSize-1, timesSaid(answers, "ALREADY_CLAIMED"))
}

func raceOneAgent(t *testing.T, w *world) {
	t.Helper()
	const limit = 7
	agent := w.raceTeam(t, 1, limit)[0]
	chats := w.raceChats(t, w.racers(t, crowdSize), "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		return agent.takes(ctx, "claim_conversation($1)", chats[i])
	})
	assert.Equal(t, limit, timesSaid(answers, "success"))
	assert.Equal(t, crowdSize-limit, timesSaid(answers, "NO_CAPACITY"))
	assertNobodyOverLimit(t, w)
}

// raceExchange is where taking the receiver's lock before the giver's, or the other way round, would deadlock.
func raceExchange(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 2, crowdSize)
	visitors := w.racers(t, crowdSize)
	chats := append(w.raceChats(t, visitors[:crowdSize/2], "agent_active", agents[0]),
		w.raceChats(t, visitors[crowdSize/2:], "agent_active", agents[1])...)
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		from, to := agents[i/(crowdSize/2)], agents[1-i/(crowdSize/2)]
		return from.says(ctx, "transfer_conversation($1, $2)", chats[i], to.id)
	})
	assert.Equal(t, crowdSize, timesSaid(answers, modelOK))
	assertNobodyOverLimit(t, w)
}

func raceOneChat(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 2, 3)
	visitors := w.racers(t, 5)
	chats := append(w.raceChats(t, visitors[:3], "agent_active", agents[0]), w.raceChats(t, visitors[3:], "agent_active", agents[1])...)
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		chat, agent := i%len(chats), agents[i/2%2]
		switch i / len(chats) % 4 {
		case 0:
			return agent.says(ctx, "transfer_conversation($1, $2)", chats[chat], agents[(i/2+1)%2].id)
		case 1:
			return agent.says(ctx, "resolve_conversation($1)", chats[chat])
		case 2:
			return agent.says(ctx, "transfer_conversation($1)", chats[chat])
		default:
			return visitors[chat].says(ctx, "send_message($1, 'Still there?')", chats[chat])
		}
	})
	onlyAnswers(t, answers, modelOK, refusedNotYours, refusedNoAgent, refusedIllegal, "PT409 agent_has_no_capacity")
	assertNobodyOverLimit(t, w)
}

func raceReopen(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 2, 4)
	visitors := w.racers(t, crowdSize)
	resolved := w.raceChats(t, visitors[:20], "resolved", agents[0])
	w.raceChats(t, visitors[20:], "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		if i < len(resolved) {
			return visitors[i].says(ctx, "send_message($1, 'One more thing')", resolved[i])
		}
		return w.runWorker(ctx)
	})
	assert.Equal(t, crowdSize, timesSaid(answers, modelOK), "a reopened conversation never fails the customer's message")
	assertNobodyOverLimit(t, w)
	assert.Zero(t, w.raceStatuses(t)["resolved"])
}

func raceClose(t *testing.T, w *world) {
	t.Helper()
	w.raceTeam(t, 3, 5)
	visitors := w.racers(t, crowdSize-10)
	chats := w.raceChats(t, visitors, "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		if i < len(chats) {
			return visitors[i].says(ctx, "close_conversation($1)", chats[i])
		}
		return w.runWorker(ctx)
	})
	assert.Equal(t, crowdSize, timesSaid(answers, modelOK))
	assert.Equal(t, map[string]int{"closed": len(chats)}, w.raceStatuses(t))
}

func raceStatus(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 4, 6)
	w.raceChats(t, w.racers(t, crowdSize), "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		if i%2 == 0 {
			return w.runWorker(ctx)
		}
		return agents[i%len(agents)].says(ctx, "set_agent_status($1, $2)", w.project, []string{"away", "online", "offline"}[i%3])
	})
	assert.Equal(t, crowdSize, timesSaid(answers, modelOK))
	assertNobodyOverLimit(t, w)
}

func raceWorkers(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 4, 5)
	chats := w.raceChats(t, w.racers(t, crowdSize), "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		if i%4 < 2 {
			return w.runWorker(ctx)
		}
		return agents[i%len(agents)].takes(ctx, "claim_conversation($1)", chats[i%10])
	})
	onlyAnswers(t, answers, modelOK, "success", "ALREADY_CLAIMED", "NO_CAPACITY")
	assertNobodyOverLimit(t, w)
	_, err := w.runWorker(t.Context())
	require.NoError(t, err)
	_, err = w.runWorker(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"agent_active": 20, "waiting": crowdSize - 20}, w.raceStatuses(t), "nothing waits while a slot is free")
}

func raceLimit(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 2, 10)
	chats := w.raceChats(t, w.racers(t, crowdSize), "waiting", actor{})
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		switch i % 3 {
		case 0:
			_, err := w.root.Exec(ctx, `update public.agent_availability set max_concurrent_chats = $3
				where project_id = $1 and user_id = $2`, w.project, agents[i%2].id, 1+i%10)
			return modelOK, err
		case 1:
			return w.runWorker(ctx)
		default:
			return agents[i%2].takes(ctx, "claim_conversation($1)", chats[i])
		}
	})
	onlyAnswers(t, answers, modelOK, "success", "ALREADY_CLAIMED", "NO_CAPACITY")
}

// raceStart lets one visitor start and close in several tabs: a start never answers without a conversation.
func raceStart(t *testing.T, w *world) {
	t.Helper()
	visitors := w.racers(t, 5)
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		visitor := visitors[i%len(visitors)]
		started, err := visitor.rpc(ctx, "start_conversation($1, $2)", w.project, "visitor "+visitor.id)
		if err != nil {
			return "", err
		}
		if started["id"] == nil {
			return "no conversation", nil
		}
		return visitor.says(ctx, "close_conversation($1)", started["id"])
	})
	assert.Equal(t, crowdSize, timesSaid(answers, modelOK))
}

func raceRemoval(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 4, 20)
	visitors := w.racers(t, crowdSize)
	chats := append(w.raceChats(t, visitors[:20], "agent_active", agents[0]), w.raceChats(t, visitors[20:], "waiting", actor{})...)
	answers := atOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		agent := agents[i/5%2]
		switch i % 5 {
		case 0:
			return w.owner.says(ctx, "remove_member((select id from public.project_members where project_id = $1 and user_id = $2))",
				w.project, agent.id)
		case 1:
			return w.runWorker(ctx)
		case 2:
			return agent.takes(ctx, "claim_conversation($1)", chats[i])
		case 3:
			return agents[0].says(ctx, "transfer_conversation($1, $2)", chats[i%20], agents[1+i%3].id)
		default:
			return agent.says(ctx, "set_agent_status($1, 'online')", w.project)
		}
	})
	onlyAnswers(t, answers, modelOK, "success", "ALREADY_CLAIMED", "NO_CAPACITY", "NOT_ONLINE", "ACCESS_DENIED", refusedNotFound,
		refusedNotYours, refusedNoAgent, "PT403 not_a_member", "PT404 agent_not_found", "PT409 agent_not_online", "PT409 agent_has_no_capacity")
	assert.Zero(t, read[int](t, w, `select count(*) from public.conversations where assigned_agent_id = any($1::uuid[]) and status = 'agent_active'`,
		idsOf(agents[:2])), "conversations of agents who were removed")
	assertNobodyOverLimit(t, w)
}

// raceDeletion is the one race in which somebody may have to try again. Deleting an account locks the account, then what
// refers to it, agents before conversations; that order is Postgres's, and nothing of ours may stand in its way in schema
// auth. Who removes the member first has no such trouble.
func raceDeletion(t *testing.T, w *world) {
	t.Helper()
	agents := w.raceTeam(t, 3, 20)
	visitors := w.racers(t, crowdSize)
	chats := append(w.raceChats(t, visitors[:25], "agent_active", agents[0]), w.raceChats(t, visitors[25:], "waiting", actor{})...)
	answers := allAtOnce(t, crowdSize, func(ctx context.Context, i int) (string, error) {
		switch {
		case i == 0:
			_, err := w.root.Exec(ctx, `delete from auth.users where id = $1`, agents[0].id)
			return modelOK, err
		case i%3 == 0:
			return w.runWorker(ctx)
		case i%3 == 1:
			return agents[0].takes(ctx, "claim_conversation($1)", chats[i])
		default:
			return visitors[i].says(ctx, "send_message($1, 'Hello?')", chats[i])
		}
	})
	for _, answer := range answers {
		if !strings.Contains(answer, "SQLSTATE 40P01") {
			onlyAnswers(t, []string{answer}, modelOK, "success", "ALREADY_CLAIMED", "NO_CAPACITY", "NOT_ONLINE", "ACCESS_DENIED")
		}
	}
}
