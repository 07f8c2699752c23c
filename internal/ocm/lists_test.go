package ocm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asks is a network in memory that answers each request by its query.
type asks struct {
	answer func(query url.Values) (status int, body string)
	seen   []url.Values
}

func (n *asks) RoundTrip(request *http.Request) (*http.Response, error) {
	n.seen = append(n.seen, request.URL.Query())
	status, body := n.answer(request.URL.Query())
	return (&canned{status: status, contentType: asJSON, body: body}).RoundTrip(request)
}

// pages is that network with a list, of which each page holds so many items.
func pages(total string, ids ...[]int) *asks {
	return &asks{answer: func(query url.Values) (int, string) {
		number, _ := strconv.Atoi(query.Get("page"))
		if number > len(ids) {
			return http.StatusNoContent, ""
		}
		var items []string
		for _, id := range ids[number-1] {
			items = append(items, fmt.Sprintf(`{"id":"r%d","created_at":"2026-11-20T00:00:00Z"}`, id))
		}
		return http.StatusOK, `{` + total + `"items":[` + strings.Join(items, ",") + `]}`
	}}
}

func numbers(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

const cutOff = "OCM's answer cannot be understood (listing the rotations: %d): the list ends before its stated total"

// A list is read to its end, with no request more than that takes, or not at all.
func TestLists_AreReadToTheirEndOrNotAtAll(t *testing.T) {
	var hundred [][]int
	for n := range maxPages {
		hundred = append(hundred, []int{n})
	}
	for name, row := range map[string]struct {
		network         *asks
		items, requests int
		says            string
	}{
		"nothing":                             {pages(""), 0, 1, ""},
		"one page":                            {pages(`"total":2,`, []int{1, 2}), 2, 1, ""},
		"one page that says no total":         {pages("", numbers(0, 99)), 99, 1, ""},
		"a full page that says no total":      {pages("", numbers(0, 100), numbers(100, 101)), 101, 2, ""},
		"full pages that say no total":        {pages("", numbers(0, 100), nil), 100, 2, ""},
		"pages of one":                        {pages(`"total":3,`, []int{1}, []int{2}, []int{3}), 3, 3, ""},
		"an item that moves":                  {pages(`"total":3,`, []int{1, 2}, []int{2, 3}), 3, 2, ""},
		"as many pages as are read":           {pages(`"total":100,`, hundred...), 100, 100, ""},
		"an empty page before the end":        {pages(`"total":3,`, []int{1}, nil), 0, 2, fmt.Sprintf(cutOff, 200)},
		"nothing before the end":              {pages(`"total":3,`, []int{1}), 0, 2, fmt.Sprintf(cutOff, 204)},
		"nothing after a full page, no total": {pages("", numbers(0, 100)), 0, 2, fmt.Sprintf(cutOff, 204)},
		"more pages than are read":            {pages(`"total":101,`, append(slices.Clone(hundred), []int{101})...), 0, 100, "OCM's answer cannot be understood (listing the rotations: 200): the list does not end"},
		"the same page again and again":       {pages(`"total":3,`, slices.Repeat([][]int{{1}}, 200)...), 0, 100, "OCM's answer cannot be understood (listing the rotations: 200): the list does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			rotations, err := asked(t, row.network).Rotations(t.Context(), "a")
			if len(rotations) != row.items || len(row.network.seen) != row.requests {
				t.Errorf("%d items after %d requests, want %d after %d", len(rotations), len(row.network.seen), row.items, row.requests)
			}
			wantMessage(t, err, row.says)
			for i, query := range row.network.seen {
				if query.Encode() != fmt.Sprintf("orderBy=id+asc&page=%d&size=100", i+1) {
					t.Errorf("request %d asks %s", i, query.Encode())
				}
			}
		})
	}
}

func wantMessage(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// asked is a client of a network, authenticated as a cluster.
func asked(t *testing.T, network http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Config{ClusterToken: ClusterToken{ClusterID: fuzzCluster, Auth: "dTpw"}, Transport: network})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// What is wrong with an answer is told; all calls share these words.
func TestLists_SayWhatIsWrongWithThem(t *testing.T) {
	const transfer = `"cluster_uuid":"` + fuzzCluster + `"`
	ask := map[string]func(*Client) error{
		"reading the current account": func(c *Client) error { _, err := c.CurrentAccount(t.Context()); return err },
		"listing the rotations":       func(c *Client) error { _, err := c.Rotations(t.Context(), "a"); return err },
		"reading the rotation":        func(c *Client) error { _, err := c.Rotation(t.Context(), "a", "r"); return err },
		"requesting a rotation":       func(c *Client) error { _, err := c.RequestRotation(t.Context(), "a"); return err },
		"listing the account's clusters": func(c *Client) error {
			_, err := c.Siblings(t.Context(), "a", fuzzCluster)
			return err
		},
		"listing the cluster's transfers": func(c *Client) error { _, err := c.ClusterTransfers(t.Context(), fuzzCluster); return err },
		"listing the transfers of the account's clusters": func(c *Client) error {
			_, err := c.Progress(t.Context(), "a", "r", time.Now())
			return err
		},
	}
	for _, row := range []struct{ doing, body, problem string }{
		{"reading the current account", `[]`, "it is not an account with an id"},
		{"reading the current account", `{"id":"a b"}`, "it is not an account with an id"},
		{"listing the rotations", `[]`, "it is not a list"},
		{"listing the rotations", `{"total":1}`, "the list has no items"},
		{"listing the rotations", `{}`, "the list has no items"},
		{"listing the rotations", `{"items":[1]}`, "it is not a rotation"},
		{"listing the rotations", `{"items":[{}]}`, "a rotation has no id"},
		{"listing the rotations", `{"items":[{"id":"r"}]}`, "a rotation has neither created_at nor an id that holds its time"},
		{"reading the rotation", `{}`, "a rotation has no id"},
		{"requesting a rotation", `{}`, "a rotation has no id"},
		{"listing the account's clusters", `[]`, "it is not a list"},
		{"listing the account's clusters", `{"items":[1]}`, "it is not a subscription with an id"},
		{"listing the account's clusters", `{"items":[{"id":""}]}`, "it is not a subscription with an id"},
		{"listing the account's clusters", `{"total":1,"items":[]}`, "its total does not fit its items"},
		{"listing the account's clusters", `{"total":0,"items":[{"id":"1"}]}`, "its total does not fit its items"},
		{"listing the account's clusters", `{"total":-1,"items":[]}`, "its total does not fit its items"},
		{"listing the cluster's transfers", `{"items":[1]}`, "it is not a cluster transfer"},
		{"listing the cluster's transfers", `{"items":[{` + transfer + `}]}`, "a cluster transfer has no id"},
		{"listing the cluster's transfers", `{"items":[{"id":"t"}]}`, "a cluster transfer names no cluster"},
		{"listing the transfers of the account's clusters", `{"items":[1]}`, "it is not a cluster transfer"},
		{"listing the transfers of the account's clusters", `{"items":[{"id":"t",` + transfer + `}]}`, "the list has other transfers than those that were asked for"},
	} {
		t.Run(row.doing+" "+row.body, func(t *testing.T) {
			status := map[bool]int{true: 201, false: 200}[row.doing == "requesting a rotation"]
			network := &canned{status: status, contentType: asJSON, body: row.body}
			wantMessage(t, ask[row.doing](asked(t, network)), fmt.Sprintf("OCM's answer cannot be understood (%s: %d): %s", row.doing, status, row.problem))
			if network.requests != 1 {
				t.Errorf("%d requests", network.requests)
			}
		})
	}
	for doing, call := range ask {
		wantMessage(t, call(asked(t, &canned{status: 404, contentType: asJSON})), fmt.Sprintf("OCM does not know it (%s: 404)", doing))
	}
}

func TestIDs_ThatCannotBePartOfARequestAreToldApart(t *testing.T) {
	network := &canned{status: 200}
	c := asked(t, network)
	_, rotations := c.Rotations(t.Context(), "a/b")
	_, rotation := c.Rotation(t.Context(), "a", "b/c")
	_, siblings := c.Siblings(t.Context(), "a'b", "")
	_, transfers := c.ClusterTransfers(t.Context(), "a")
	_, ofAccount := c.Progress(t.Context(), "a'b", "r", time.Now())
	_, ofRotation := c.Progress(t.Context(), "a", "r'", time.Now())
	for i, row := range []struct {
		err  error
		says string
	}{
		{rotations, "the id of the account cannot be part of a path"},
		{rotation, "the id of a rotation cannot be part of a path"},
		{siblings, "the id of the account cannot be part of a search"},
		{transfers, "the cluster id is not a UUID"},
		{ofAccount, "the id of the account or of the rotation cannot be part of a search"},
		{ofRotation, "the id of the account or of the rotation cannot be part of a search"},
	} {
		if !IsKind(row.err, InvalidSpec) || row.err.Error() != row.says {
			t.Errorf("%d: got %v", i, row.err)
		}
	}
	if network.requests != 0 {
		t.Errorf("%d requests", network.requests)
	}
}

// Those of one moment are in the order of their ids, so that every process names the same one first.
func TestRotations_OfOneMomentHaveAnOrder(t *testing.T) {
	rotations, err := asked(t, pages("", []int{2, 3, 1})).Rotations(t.Context(), "a")
	var got []string
	for _, r := range rotations {
		got = append(got, r.ID)
	}
	if err != nil || strings.Join(got, " ") != "r3 r2 r1" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestStatuses_AreWordsInLowerCase(t *testing.T) {
	for text, want := range map[string]string{"": "", "Pending": "pending", "in_progress": "in_progress", "two words": "unrecognised", "1": "unrecognised", strings.Repeat("a", 33): "unrecognised"} {
		if got := statusOf(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNames_AreCutAndCleaned(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "\u2028a\tb\u2028": "a b", "a\u202eb\x00\u200bc\xff": "abc", strings.Repeat("é", maxName): strings.Repeat("é", maxName),
		"\t" + strings.Repeat("é", maxName+1): strings.Repeat("é", maxName),
	} {
		if got := shortName(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestKSUID_OfTheLastSecondThatItCanHold(t *testing.T) {
	// The last KSUID of all, by github.com/segmentio/ksuid, and the one after it, whose time no longer fits.
	if at, ok := ksuidTime("aWgEPTl1tmebfsQzFP4bxwgy80V"); !ok || !at.Equal(time.Unix(ksuidEpoch+1<<32-1, 0)) {
		t.Errorf("got %s, %t", at, ok)
	}
	if at, ok := ksuidTime("aWgEPTl1tmebfsQzFP4bxwgy80W"); ok {
		t.Errorf("got %s", at)
	}
}

func TestCreatedAt_AZeroTimeIsNone(t *testing.T) {
	const zero, at = `"0001-01-01T00:00:00Z"`, `"2026-11-20T01:00:00+01:00"`
	for body, want := range map[string]string{
		`{"id":"r","created_at":` + zero + `,"updated_at":` + at + `}`:   "2026-11-20T00:00:00Z",
		`{"id":"r","created_at":` + at + `,"updated_at":` + zero + `}`:   "2026-11-20T00:00:00Z",
		`{"id":"r","created_at":` + zero + `,"updated_at":` + zero + `}`: "",
		`{"id":"r","created_at":` + zero + `}`:                           "",
	} {
		r, problem := decodeRotation([]byte(body))
		if (problem == "") != (want != "") || want != "" && r.CreatedAt.Format(time.RFC3339) != want {
			t.Errorf("%s: got %s, %q", body, r.CreatedAt, problem)
		}
	}
}

func sub(n int, cluster, status string) string {
	return fmt.Sprintf(`{"id":"%d","external_cluster_id":%q,"display_name":"cluster %[1]d","status":%[3]q}`, n, cluster, status)
}

// The clusters that share a pull secret are counted without the one that asks, and its place among them is told if OCM can tell it.
func TestSiblings_AreCounted(t *testing.T) {
	const own, before = fuzzCluster, "00000000-0000-4000-8000-000000000001"
	const after = "ffffffff-0000-4000-8000-000000000001"
	for name, row := range map[string]struct {
		cluster       string
		first, second string // the answers
		want          Siblings
		named         string
		requests      int
	}{
		"none":                         {own, `{"items":[]}`, "", Siblings{}, "", 1},
		"itself":                       {own, `{"items":[` + sub(1, own, "Active") + `]}`, "", Siblings{}, "", 1},
		"one before it":                {own, `{"total":2,"items":[` + sub(1, own, "Active") + `,` + sub(2, before, "Stale") + `]}`, "", Siblings{Others: 1, Before: 1}, before, 1},
		"one after it":                 {own, `{"total":2,"items":[` + sub(1, after, "Active") + `,` + sub(2, own, "Stale") + `]}`, "", Siblings{Others: 1}, after, 1},
		"those that are gone":          {own, `{"items":[` + sub(1, before, "archived") + `,` + sub(2, before, "DEPROVISIONED") + `]}`, "", Siblings{}, "", 1},
		"one that is not installed":    {"", `{"items":[` + sub(1, "", "Reserved") + `]}`, "", Siblings{Others: 1}, "", 1},
		"more than a page":             {own, `{"total":4,"items":[` + sub(1, own, "Active") + `,` + sub(2, before, "Active") + `]}`, `{"total":2,"items":[{"id":"1"}]}`, Siblings{Others: 3, Before: 2}, before, 2},
		"itself on another page":       {own, `{"total":3,"items":[` + sub(1, after, "Active") + `]}`, `{"total":2,"items":[{"id":"1"}]}`, Siblings{Others: 2, Before: 2}, after, 2},
		"a place that cannot be":       {own, `{"total":3,"items":[` + sub(1, after, "Active") + `]}`, `{"total":3,"items":[{"id":"1"}]}`, Siblings{Others: 2, Before: -1}, after, 2},
		"a place that OCM cannot tell": {own, `{"total":3,"items":[` + sub(1, after, "Active") + `]}`, `[]`, Siblings{Others: 2, Before: -1}, after, 2},
		"more than a page, for nobody": {"", `{"total":3,"items":[` + sub(1, after, "Active") + `]}`, "", Siblings{Others: 3, Before: -1}, after, 1},
	} {
		t.Run(name, func(t *testing.T) {
			const search = "creator.id = 'a' and status != 'Deprovisioned' and status != 'Archived'"
			network := &asks{answer: func(query url.Values) (int, string) {
				switch query.Get("search") + " " + query.Get("size") {
				case search + " 100":
					return 200, row.first
				case search + " and external_cluster_id < '" + own + "' 1":
					return 200, row.second
				}
				t.Errorf("it asks %v", query)
				return 500, ""
			}}
			got, err := asked(t, network).Siblings(t.Context(), "a", row.cluster)
			var named []string
			for _, s := range got.Named {
				named = append(named, s.ClusterID)
			}
			if err != nil || got.Others != row.want.Others || got.Before != row.want.Before || strings.Join(named, " ") != row.named || len(network.seen) != row.requests {
				t.Errorf("got %+v after %d requests, %v", got, len(network.seen), err)
			}
		})
	}
}

func clusterID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// offer is a transfer of rotation r to a cluster.
func offer(cluster int, status, end string) string {
	return fmt.Sprintf(`{"id":"t%d","cluster_uuid":%q,"pull_secret_rotation_id":"r","status":%q%s}`, cluster, clusterID(cluster), status, end)
}

func until(day int) string { return fmt.Sprintf(`,"expiration_date":"2026-11-%02dT00:00:00Z"`, day) }

// progressOf is a network that answers the questions of one Progress.
func progressOf(lagging, done, active, names string) *asks {
	return &asks{answer: func(query url.Values) (int, string) {
		search := query.Get("search")
		body := active
		switch {
		case strings.Contains(search, "status != 'completed'"):
			body = lagging
		case strings.Contains(search, "status = 'completed'"):
			body = done
		case strings.Contains(search, "external_cluster_id in"):
			body = names
		}
		if status, err := strconv.Atoi(body); err == nil {
			return status, "{}"
		}
		return 200, body
	}}
}

func TestProgress_NamesTheSoonestToLoseAccessFirst(t *testing.T) {
	named := func(n ...int) string {
		var items []string
		for _, one := range n {
			items = append(items, sub(one, clusterID(one), "Active"))
		}
		return `{"items":[` + strings.Join(items, ",") + `]}`
	}
	list := func(total int, items ...string) string {
		return fmt.Sprintf(`{"total":%d,"items":[%s]}`, total, strings.Join(items, ","))
	}
	done, active := list(7, offer(90, "Completed", "")), list(11, `{"id":"1"}`)
	for name, row := range map[string]struct {
		lagging, names string
		notSwitched    int
		want           string // the clusters, and their names
	}{
		"none":                             {list(0), "500", 0, ""},
		"in order":                         {list(2, offer(1, "accepted", until(20)), offer(2, "accepted", until(21))), named(1, 2), 2, "1 cluster 1, 2 cluster 2"},
		"not in order, but all":            {list(2, offer(1, "accepted", until(21)), offer(2, "accepted", until(20))), named(2, 1), 2, "2 cluster 2, 1 cluster 1"},
		"in order, of more":                {list(9, offer(1, "accepted", until(20)), offer(2, "accepted", until(20))), named(2, 1), 9, "1 cluster 1, 2 cluster 2"},
		"one without an end":               {list(2, offer(1, "accepted", ""), offer(2, "accepted", until(20))), named(2, 1), 2, "2 cluster 2, 1 cluster 1"},
		"two without an end, of more":      {list(9, offer(3, "accepted", until(20)), offer(1, "accepted", ""), offer(2, "accepted", "")), named(2, 1, 3), 9, "3 cluster 3, 1 cluster 1, 2 cluster 2"},
		"two offers to the first":          {list(3, offer(1, "accepted", until(20)), offer(2, "accepted", until(21)), offer(1, "accepted", until(22))), named(2, 1), 2, "2 cluster 2, 1 cluster 1"},
		"two offers to the second":         {list(3, offer(1, "accepted", until(20)), offer(2, "accepted", until(21)), offer(2, "accepted", until(22))), named(2, 1), 2, "1 cluster 1, 2 cluster 2"},
		"one that is gone":                 {list(3, offer(1, "accepted", until(20)), offer(2, "accepted", until(21)), offer(3, "accepted", until(22))), named(3), 1, "3 cluster 3"},
		"names that OCM does not tell":     {list(2, offer(1, "accepted", until(20)), offer(2, "accepted", until(21))), "500", 2, "1 , 2 "},
		"more names than were asked for":   {list(2, offer(1, "accepted", until(20)), offer(2, "accepted", until(21))), `{"total":2,"items":[` + sub(1, clusterID(1), "Active") + `]}`, 2, "1 , 2 "},
		"the same cluster under two names": {list(1, offer(1, "accepted", until(20))), `{"items":[` + sub(1, clusterID(1), "Active") + `,` + sub(5, clusterID(1), "Stale") + `]}`, 1, "1 cluster 1"},
	} {
		t.Run(name, func(t *testing.T) {
			network := progressOf(row.lagging, done, active, row.names)
			p, err := asked(t, network).Progress(t.Context(), "a", "r", time.Date(2026, 11, 20, 1, 0, 0, 5000, time.FixedZone("", 3600)))
			var got []string
			for _, l := range p.Lagging {
				n, _ := strconv.Atoi(strings.TrimLeft(l.ClusterID[24:], "0"))
				got = append(got, fmt.Sprintf("%d %s", n, l.DisplayName))
			}
			if err != nil || p.Active != 11 || p.Switched != 7 || p.NotSwitched != row.notSwitched || strings.Join(got, ", ") != row.want {
				t.Errorf("got %+v, %v", p, err)
			}
			if search := network.seen[2].Get("search"); search != "creator.id = 'a' and status = 'Active' and created_at < '2026-11-20T00:00:00.000005Z'" {
				t.Errorf("it searches for %s", search)
			}
			for i, size := range []string{"100", "1", "1", "100"}[:len(network.seen)] {
				if network.seen[i].Get("size") != size || network.seen[i].Get("page") != "1" {
					t.Errorf("request %d asks %v", i, network.seen[i])
				}
			}
		})
	}
	for name, row := range map[string]struct{ lagging, done, active, names, says string }{
		"not in order, and not all": {list(3, offer(1, "accepted", until(21)), offer(2, "accepted", until(20))), done, active, named(1, 2),
			"OCM's answer cannot be understood (listing the transfers of the account's clusters: 200): the list is not in the order that was asked for"},
		"one without an end first, and not all": {list(3, offer(1, "accepted", ""), offer(2, "accepted", until(20))), done, active, named(1, 2),
			"OCM's answer cannot be understood (listing the transfers of the account's clusters: 200): the list is not in the order that was asked for"},
		"what has switched, among what has not": {list(1, offer(1, "Completed", "")), done, active, "",
			"OCM's answer cannot be understood (listing the transfers of the account's clusters: 200): the list has other transfers than those that were asked for"},
		"what has not switched, among what has": {list(0), list(1, offer(1, "accepted", "")), active, "",
			"OCM's answer cannot be understood (listing the transfers of the account's clusters: 200): the list has other transfers than those that were asked for"},
		"no clusters": {list(0), done, "404", "", "OCM does not know it (listing the account's clusters: 404)"},
		"a limit":     {list(1, offer(1, "accepted", "")), done, active, "429", "OCM is rate limiting requests (listing the account's clusters: 429)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := asked(t, progressOf(row.lagging, row.done, row.active, row.names)).Progress(t.Context(), "a", "r", time.Now())
			wantMessage(t, err, row.says)
		})
	}
}

func TestTransfers_SayAllButTheirSecret(t *testing.T) {
	network := &canned{status: 200, contentType: asJSON, body: `{"items":[{"id":"t","cluster_uuid":"` + fuzzCluster +
		`","status":"Accepted","pull_secret_rotation_id":"r","secret":"{}","created_at":"2026-11-20T01:00:00+01:00"}]}`}
	got, err := asked(t, network).ClusterTransfers(t.Context(), fuzzCluster)
	if err != nil || len(got) != 1 || got[0].RotationID != "r" || string(got[0].Secret) != "{}" || !got[0].ExpiresAt.IsZero() ||
		got[0].CreatedAt != time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) {
		t.Fatalf("got %+v, %v", got, err)
	}
	const want = "transfer t of cluster " + fuzzCluster + ", accepted, secret [redacted]"
	marshalled, _ := json.Marshal(got[0])
	for _, text := range []string{got[0].String(), got[0].GoString(), got[0].LogValue().String(), strings.Trim(string(marshalled), `"`)} {
		if text != want {
			t.Errorf("got %s", text)
		}
	}
}
