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

// ActiveSubscriptions returns the existing clusters that an account created, which share its pull secret. The search is the same as osdctl's.
func (c *Client) ActiveSubscriptions(ctx context.Context, accountID string) ([]Subscription, error) {
	if identifier(accountID) == "" {
		return nil, &Error{Kind: InvalidSpec, Message: "the id of the account cannot be part of a search"}
	}
	subscriptions, err := list(ctx, c, call{
		doing: "listing the account's clusters", template: base + "/subscriptions", path: base + "/subscriptions",
		query: []string{
			"search", fmt.Sprintf("creator.id = '%s' and status != 'Deprovisioned' and status != 'Archived'", accountID),
			"orderBy", "id asc",
		},
	}, decodeSubscription)
	active := subscriptions[:0]
	for _, subscription := range subscriptions {
		if !strings.EqualFold(subscription.Status, "Deprovisioned") && !strings.EqualFold(subscription.Status, "Archived") {
			active = append(active, subscription)
		}
	}
	return active, err
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
