package ocm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// TransferAccepted is the status of a transfer whose pull secret the cluster should use.
const TransferAccepted = "accepted"

// Transfer hands a pull secret to one cluster. A rotation makes one for every active cluster of the account. Printing it omits the secret.
type Transfer struct {
	ID, ClusterID string
	// Status in lower case.
	Status string
	// RotationID is empty for a transfer between accounts.
	RotationID string
	// Secret is the new pull secret, a JSON document; empty if OCM sends none.
	Secret []byte
	// ExpiresAt is when OCM stops waiting for the cluster; zero if it does not say.
	ExpiresAt, CreatedAt time.Time
}

func (t Transfer) String() string {
	return fmt.Sprintf("transfer %s of cluster %s, %s, secret %s", t.ID, t.ClusterID, t.Status, redacted)
}

// GoString keeps the secret out of logs.
func (t Transfer) GoString() string { return t.String() }

// LogValue keeps the secret out of logs.
func (t Transfer) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON keeps the secret out of logs.
func (t Transfer) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// ClusterTransfers returns the accepted transfers of a cluster, whose secret it should use; none if OCM answers 204. The cluster's own token
// suffices. The search is insights-operator's, which is known to work with that token.
func (c *Client) ClusterTransfers(ctx context.Context, clusterID string) ([]Transfer, error) {
	if !uuidPattern.MatchString(clusterID) {
		return nil, &Error{Kind: InvalidSpec, Message: "the cluster id is not a UUID"}
	}
	return list(ctx, c, call{
		doing: "listing the cluster's transfers", template: base + "/cluster_transfers", path: base + "/cluster_transfers",
		query: []string{"search", fmt.Sprintf("cluster_uuid is '%s' and status is '%s'", clusterID, TransferAccepted)},
	}, func(raw json.RawMessage) (Transfer, string, string) {
		transfer, problem := decodeTransfer(raw)
		return transfer, transfer.ID, problem
	})
}

func decodeTransfer(raw []byte) (transfer Transfer, problem string) {
	var body struct {
		ID         string     `json:"id"`
		ClusterID  string     `json:"cluster_uuid"`
		Status     string     `json:"status"`
		RotationID string     `json:"pull_secret_rotation_id"`
		Secret     string     `json:"secret"`
		ExpiresAt  *time.Time `json:"expiration_date"`
		CreatedAt  *time.Time `json:"created_at"`
	}
	switch {
	case json.Unmarshal(raw, &body) != nil:
		return Transfer{}, "it is not a cluster transfer"
	case identifier(body.ID) == "":
		return Transfer{}, "a cluster transfer has no id"
	case !uuidPattern.MatchString(body.ClusterID):
		return Transfer{}, "a cluster transfer names no cluster"
	}
	return Transfer{
		ID: body.ID, ClusterID: body.ClusterID, Status: statusOf(body.Status), RotationID: identifier(body.RotationID),
		Secret: []byte(body.Secret), ExpiresAt: timeOf(body.ExpiresAt), CreatedAt: timeOf(body.CreatedAt),
	}, ""
}
