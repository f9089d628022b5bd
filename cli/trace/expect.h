/* What a story tells about what comes next: who has to do what, by when, and
 * what is being undone. */
#ifndef WB_CLI_TRACE_EXPECT_H
#define WB_CLI_TRACE_EXPECT_H

#include "story.h"

/* X(kind, name in JSON, needs a hand). In the order in which they are told: the
 * first one is why an order does not end. */
#define WB_EXPECT_TABLE(X)                                                     \
	X(PARKED_PAYMENT, "parked payment", true)                              \
	X(DEAD_LETTER, "dead letter", true)                                    \
	X(PARKED, "parked", true)                                              \
	X(RETRY, "retry", false)                                               \
	X(PROVIDER, "provider", false)                                         \
	X(RELAY, "relay", false)                                               \
	X(HANDLE, "handle", false)                                             \
	X(NOTHING, "nothing", false)                                           \
	X(DEADLINE, "deadline", false)                                         \
	X(MAIL, "mail", false)

enum wb_expect_kind {
#define X(kind, name, needs_hand) WB_EXPECT_##kind,
	WB_EXPECT_TABLE(X)
#undef X
};

enum { WB_EXPECT_MAX_ANSWERS = 4 };

struct wb_expectation {
	enum wb_expect_kind kind;
	/* It concerns a consumer without which the order ends all the same. */
	bool is_aside;
	const char *who;  /* has to act: a service, "relay", "operator" */
	const char *what; /* in words, without an end */
	int64_t since_us; /* so it is since then */
	int64_t due_us;   /* it happens then; 0 = as soon as it can */
	const char *event_id, *event_type; /* that it is about; or "" */
	/* One of these events answers it. */
	const char *answers[WB_EXPECT_MAX_ANSWERS];
	size_t n_answers;
};

const char *wb_expect_kind_name(enum wb_expect_kind kind);
bool wb_expect_needs_hand(const struct wb_expectation *expectation);

/* All of them, in the story's arena; the most important one first. None: the
 * order has ended and everybody knows it. */
size_t wb_story_expect(const struct wb_story *story,
                       struct wb_expectation **ret_list);

/* How the order is taken back. */
struct wb_compensation {
	const struct wb_story_event *trigger; /* NULL: nothing is undone */
	bool is_over;
	const char *cause_code, *cause_detail;
	/* The payment and the reservation: state, and what that means. */
	const char *money, *money_means;
	const char *goods, *goods_means;
};

struct wb_compensation wb_story_compensation(const struct wb_story *story);

/* Why the order ended, or is being undone: of the first service that says so.
 * "" if there is no reason. */
const char *wb_story_cause(const struct wb_story *story,
                           const char **ret_detail);

#endif
