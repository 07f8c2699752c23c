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
	var rows []string
	for _, size := range crowdSizes(t) {
		c := newCrowd(size, true)
		c.run()
		c.holds(t)
		rows = append(rows, c.row(fmt.Sprint(size)))
	}
	showTable(t, rows...)
}

var crowdEndpoints = []string{askToken, askTransfers, askRotations, askAccount, askSiblings, askRotation}

// row of the table.
func (c *crowd) row(clusters string) string {
	row := "| " + clusters + " |"
	for _, endpoint := range crowdEndpoints {
		row += fmt.Sprintf(" %d |", c.worstHour(endpoint))
	}
	after := func(t time.Time) string {
		d := t.Sub(crowdStart).Round(time.Minute)
		return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "h0m") + map[bool]string{true: "h"}[d%time.Hour == 0]
	}
	return row + fmt.Sprintf(" %d | %d | %s | %dh | %s |", c.worstHour(""), c.worstSecond(), after(c.lastSwitched()), crowdTransfer/time.Hour, after(c.endedAt))
}

// showTable prints the table, whose rows are also on the page about fleets.
func showTable(t *testing.T, rows ...string) {
	t.Helper()
	fmt.Println("| clusters | " + strings.Join(crowdEndpoints, " | ") + " | all, worst hour | worst second | last switched after | OCM waited for | ended after |\n|" +
		strings.Repeat("--:|", len(crowdEndpoints)+6) + "\n" + strings.Join(rows, "\n"))
	page, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if os.Getenv("CLUSTERS") == "" && !strings.Contains(string(page), "\n"+row+"\n") {
			t.Errorf("docs/fleet.md does not have the row %s", row)
		}
	}
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
