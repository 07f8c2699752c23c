package ocm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// transferCompleted is the status of a transfer whose cluster has reported with the new credentials.
const transferCompleted = "completed"

// searchedAtOnce is how many clusters one search names, so that its URL stays short.
const searchedAtOnce = 50

// Progress is how far the clusters of an account are with a rotation.
type Progress struct {
	// Active is how many clusters OCM must say something about: the active ones that are older than the rotation.
	Active int
	// Switched is how many have reported with the new credentials, NotSwitched how many have not.
	Switched, NotSwitched int
	// Lagging are the first of those that have not, the soonest to lose access first, at most one page.
	Lagging []Lagging
}

// Lagging is a cluster that has not switched.
type Lagging struct {
	ClusterID string
	// DisplayName is what people call it in the console; empty if OCM does not say.
	DisplayName string
	// EndsAt is until when OCM waits for it; zero if OCM does not say.
	EndsAt time.Time
}

// Progress asks how far an account's clusters are with a rotation: with three requests, and one or two for the names of those that lag, however many
// there are. An account's right to list the transfers of its clusters is not documented.
func (c *Client) Progress(ctx context.Context, accountID, rotationID string, requested time.Time) (Progress, error) {
	if identifier(accountID) == "" || identifier(rotationID) == "" {
		return Progress{}, &Error{Kind: InvalidSpec, Message: "the id of the account or of the rotation cannot be part of a search"}
	}
	var p Progress
	var err error
	if p.Lagging, p.NotSwitched, err = c.lagging(ctx, rotationID); err != nil {
		return Progress{}, err
	}
	done := transfers(fmt.Sprintf("pull_secret_rotation_id = '%s' and status = '%s'", rotationID, transferCompleted))
	if _, p.Switched, err = firstPage(ctx, c, done, 1, decodeProgress(rotationID, true)); err != nil {
		return Progress{}, err
	}
	active := subscriptions(fmt.Sprintf("creator.id = '%s' and status = 'Active' and created_at < '%s'", accountID, requested.UTC().Format("2006-01-02T15:04:05.000000Z")))
	if _, p.Active, err = firstPage(ctx, c, active, 1, decodeSubscription); err != nil {
		return Progress{}, err
	}
	return p, c.nameLagging(ctx, accountID, &p)
}

func transfers(search string) call {
	return call{
		doing: "listing the transfers of the account's clusters", template: base + "/cluster_transfers", path: base + "/cluster_transfers",
		query: []string{"search", search, "orderBy", "expiration_date asc"},
	}
}

// lagging are the first clusters that have not switched, and how many there are.
func (c *Client) lagging(ctx context.Context, rotationID string) ([]Lagging, int, error) {
	call := transfers(fmt.Sprintf("pull_secret_rotation_id = '%s' and status != '%s'", rotationID, transferCompleted))
	listed, total, err := firstPage(ctx, c, call, pageSize, decodeProgress(rotationID, false))
	if err != nil {
		return nil, 0, err
	}
	if total > len(listed) && !slices.IsSortedFunc(listed, bySoonest) {
		return nil, 0, malformed(call, 200, "the list is not in the order that was asked for")
	}
	var list []Lagging
	for _, l := range listed {
		// Of two offers to one cluster the later one counts.
		if i := slices.IndexFunc(list, func(o Lagging) bool { return o.ClusterID == l.ClusterID }); i >= 0 {
			list[i], total = l, total-1
			continue
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, bySoonest)
	return list, total, nil
}

// bySoonest sorts by the end of OCM's wait, and those without one last.
func bySoonest(a, b Lagging) int {
	if a.EndsAt.IsZero() != b.EndsAt.IsZero() {
		return map[bool]int{true: 1, false: -1}[a.EndsAt.IsZero()]
	}
	return a.EndsAt.Compare(b.EndsAt)
}

// decodeProgress reads all of a transfer except its secret, and refuses one that was not asked for: the service has then ignored the search.
func decodeProgress(rotationID string, done bool) func(json.RawMessage) (Lagging, string, string) {
	return func(raw json.RawMessage) (Lagging, string, string) {
		t, problem := decodeTransfer(raw)
		if problem == "" && (t.RotationID != rotationID || (t.Status == transferCompleted) != done) {
			problem = "the list has other transfers than those that were asked for"
		}
		return Lagging{ClusterID: t.ClusterID, EndsAt: t.ExpiresAt}, t.ID, problem
	}
}

// nameLagging adds the names, and leaves out the clusters that no longer exist. Names are not worth a failure.
func (c *Client) nameLagging(ctx context.Context, accountID string, p *Progress) error {
	var known []Subscription
	for ids := range slices.Chunk(p.Lagging, searchedAtOnce) {
		quoted := make([]string, 0, len(ids))
		for _, l := range ids {
			quoted = append(quoted, "'"+l.ClusterID+"'")
		}
		call := subscriptions(fmt.Sprintf("creator.id = '%s' and status != 'Deprovisioned' and status != 'Archived' and external_cluster_id in (%s)",
			accountID, strings.Join(quoted, ", ")))
		named, total, err := firstPage(ctx, c, call, pageSize, decodeSubscription)
		switch {
		case IsKind(err, OCMRateLimited):
			return err
		case err != nil || total > len(named):
			return nil
		}
		known = append(known, named...)
	}
	all := len(p.Lagging)
	p.Lagging = slices.DeleteFunc(p.Lagging, func(l Lagging) bool {
		return !slices.ContainsFunc(known, func(s Subscription) bool { return s.ClusterID == l.ClusterID })
	})
	p.NotSwitched -= all - len(p.Lagging)
	for i := range p.Lagging {
		l := &p.Lagging[i]
		l.DisplayName = known[slices.IndexFunc(known, func(s Subscription) bool { return s.ClusterID == l.ClusterID })].DisplayName
	}
	return nil
}
