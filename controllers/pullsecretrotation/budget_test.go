package pullsecretrotation

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What OCM may be asked by one account: the accepted load of POST access_token in OCM's published load profile is a thousand an hour, for
// everybody together.
const (
	tokensAnHour     = 1000
	requestsASecond  = 25
	requestsAccepted = 1
)

func crowdSizes(t *testing.T) []int {
	t.Helper()
	named := os.Getenv("CLUSTERS")
	if named == "" {
		return []int{1, 50, 1000, 10000}
	}
	var sizes []int
	for _, text := range strings.Split(named, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("CLUSTERS is %q, want numbers separated by commas", named)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// However many clusters an account has, and although all begin in the same second, OCM is asked no more than it can bear.
func TestBudget_OneAccountOverAWholeRotation(t *testing.T) {
	endpoints := []string{askToken, askTransfers, askRotations, askAccount, askSiblings, askRotation}
	rows := []string{"| clusters | " + strings.Join(endpoints, " | ") + " | all, worst hour | worst second | last switched after | OCM waited for | ended after |",
		"|" + strings.Repeat("--:|", len(endpoints)+6)}
	for _, size := range crowdSizes(t) {
		c := newCrowd(size, true)
		c.run()
		c.holds(t)
		row := fmt.Sprintf("| %d |", size)
		for _, endpoint := range endpoints {
			row += fmt.Sprintf(" %d |", c.worstHour(endpoint))
		}
		rows = append(rows, row+fmt.Sprintf(" %d | %d | %s | %s | %s |", c.worstHour(""), c.worstSecond(),
			c.lastSwitched().Sub(crowdStart).Round(time.Minute), crowdTransfer, c.endedAt.Sub(crowdStart).Round(time.Minute)))
	}
	fmt.Println(strings.Join(rows, "\n"))
}

// A cluster that does not know its position has a place by the hash of its id: two may meet, but never a crowd.
func TestBudget_WithoutPositionsItHoldsToo(t *testing.T) {
	c := newCrowd(1000, false)
	c.run()
	if most := c.worstSecond(); most > 2*requestsASecond {
		t.Errorf("%d requests were sent in the worst second, want at most %d", most, 2*requestsASecond)
	}
	if n := c.worstHour(askToken); n > tokensAnHour || c.requested != requestsAccepted {
		t.Errorf("%d access_tokens in the worst hour, %d rotations", n, c.requested)
	}
}

// If OCM refuses the clusters' own tokens, each falls back to an access_token, and they share those too.
func TestBudget_AFleetWhoseOwnTokensAreRefusedSharesTheAccessTokens(t *testing.T) {
	for _, size := range []int{50, 460, 2000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := newCrowd(size, true)
			for i := range size {
				c.dead[i] = true
			}
			c.run()
			c.holds(t)
		})
	}
}

func (c *crowd) holds(t *testing.T) {
	t.Helper()
	if c.requested != requestsAccepted {
		t.Errorf("%d clusters: %d rotations were requested, want %d", len(c.clusters), c.requested, requestsAccepted)
	}
	if n := c.worstHour(askToken); n > tokensAnHour {
		t.Errorf("%d clusters: %d access_tokens were asked for in the worst hour, want at most %d", len(c.clusters), n, tokensAnHour)
	}
	if n := c.worstSecond(); n > requestsASecond {
		t.Errorf("%d clusters: %d requests were sent in the worst second, want at most %d", len(c.clusters), n, requestsASecond)
	}
	left := 0
	for _, m := range c.clusters {
		if m.switched.IsZero() || !m.switched.Before(c.expires(m)) || !c.ended(m) {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d of %d clusters have not switched before their transfer expired, or never saw the end", left, len(c.clusters))
	}
}

func (c *crowd) lastSwitched() time.Time {
	var last time.Time
	for _, m := range c.clusters {
		if m.switched.After(last) {
			last = m.switched
		}
	}
	return last
}
