package ocm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Subscription is a cluster as OCM's accounts know it.
type Subscription struct {
	// ClusterID is the cluster's own id (ClusterVersion spec.clusterID); empty before it is installed.
	ClusterID string
	// DisplayName is what people call it in the console.
	DisplayName string
	// Status as in the API documentation: Active, Disconnected, Reserved or Stale.
	Status string
}

// Siblings are the other active clusters of an account, which share its pull secret.
type Siblings struct {
	// Others is how many there are, and Named the first of them, at most one page.
	Others int
	Named  []Subscription
	// Before is how many of them have a smaller id than the cluster that asks; -1 if OCM cannot tell.
	Before int
}

// Siblings counts the clusters that share an account's pull secret with a cluster, with one request or, beyond one page of them, with two. A
// list of thousands would cost more than everything else that a cluster asks in a day. The search is the same as osdctl's.
func (c *Client) Siblings(ctx context.Context, accountID, clusterID string) (Siblings, error) {
	if identifier(accountID) == "" {
		return Siblings{}, &Error{Kind: InvalidSpec, Message: "the id of the account cannot be part of a search"}
	}
	search := fmt.Sprintf("creator.id = '%s' and status != 'Deprovisioned' and status != 'Archived'", accountID)
	first, total, err := firstPage(ctx, c, subscriptions(search), pageSize, decodeSubscription)
	if err != nil {
		return Siblings{}, err
	}
	s := Siblings{}
	for _, o := range first {
		switch {
		case strings.EqualFold(o.Status, "Deprovisioned") || strings.EqualFold(o.Status, "Archived"): // for a service that ignores the search
		case o.ClusterID == clusterID && clusterID != "": // itself
		default:
			s.Named = append(s.Named, o)
			if o.ClusterID < clusterID {
				s.Before++
			}
		}
	}
	if s.Others = len(s.Named); total <= len(first) {
		return s, nil
	}
	if s.Others = total; clusterID != "" {
		s.Others = total - 1 // the cluster that asks is one of them, on this page or on another
	}
	s.Before = c.before(ctx, search, clusterID, s.Others)
	return s, nil
}

// before is how many of the clusters have a smaller id. That OCM compares ids is not documented, so its refusal is no failure.
func (c *Client) before(ctx context.Context, search, clusterID string, others int) int {
	if !uuidPattern.MatchString(clusterID) {
		return -1
	}
	_, n, err := firstPage(ctx, c, subscriptions(fmt.Sprintf("%s and external_cluster_id < '%s'", search, clusterID)), 1, decodeSubscription)
	if err != nil || n > others {
		return -1
	}
	return n
}

func subscriptions(search string) call {
	return call{
		doing: "listing the account's clusters", template: base + "/subscriptions", path: base + "/subscriptions",
		query: []string{"search", search, "orderBy", "id asc"},
	}
}

func decodeSubscription(raw json.RawMessage) (subscription Subscription, id, problem string) {
	var body struct {
		ID          string `json:"id"`
		ClusterID   string `json:"external_cluster_id"`
		DisplayName string `json:"display_name"`
		Status      string `json:"status"`
	}
	if json.Unmarshal(raw, &body) != nil || identifier(body.ID) == "" {
		return Subscription{}, "", "it is not a subscription with an id"
	}
	return Subscription{
		ClusterID: identifier(body.ClusterID), DisplayName: shortName(body.DisplayName), Status: shortName(body.Status),
	}, body.ID, ""
}
