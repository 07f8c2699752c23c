package ocm

import (
	"net/http"
	"strings"
	"time"
)

// timeText renders a time so that its text sorts as the time does.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

type apiRotation struct {
	ref
	AccountID string `json:"account_id"`
	Status    string `json:"status"`
	CreatedAt string `json:"created_at,omitempty"`
	UpdatedAt string `json:"updated_at,omitempty"`
}

func (r *rotation) api() apiRotation {
	out := apiRotation{
		ref:       ref{r.id, "PullSecretRotation", apiRoot + "/accounts/" + r.account.id + "/pull_secret_rotation/" + r.id},
		AccountID: r.account.id, Status: r.status,
	}
	if !r.hideTimes {
		out.CreatedAt, out.UpdatedAt = timeText(r.created), timeText(r.updated)
	}
	return out
}

const rotationKind = "PullSecretRotation"

func (s *Sim) listRotations(c caller, r *http.Request) (int, any, *apiError) {
	if r.PathValue("id") != c.account.id {
		return 0, nil, denied(c.account.id, "list", rotationKind, r)
	}
	var rows []record
	for _, rot := range s.rotations {
		if rot.account == c.account {
			shown := rot.api()
			rows = append(rows, record{body: shown, fields: map[string]string{
				"id": rot.id, "status": rot.status, "account_id": rot.account.id,
				"created_at": shown.CreatedAt, "updated_at": shown.UpdatedAt,
			}})
		}
	}
	return listOrNothing("PullSecretRotationList", rows, r)
}

// listOrNothing responds with 204 if the whole list is empty, as in the contract for rotations and transfers. A page beyond
// the end of a non-empty list is a list without items.
func listOrNothing(kind string, rows []record, r *http.Request) (int, any, *apiError) {
	l, refusal := page(kind, rows, r)
	if refusal != nil {
		return 0, nil, refusal
	}
	if l.Total == 0 {
		return http.StatusNoContent, nil, nil
	}
	return http.StatusOK, l, nil
}

func (s *Sim) postRotation(c caller, r *http.Request) (int, any, *apiError) {
	if r.PathValue("id") != c.account.id {
		return 0, nil, denied(c.account.id, "create", rotationKind, r)
	}
	if pending := s.pending(c.account); len(pending) > 0 {
		switch s.opts.SecondPost {
		case SecondPostSame:
			return http.StatusCreated, pending[0].api(), nil
		case SecondPostForbidden:
			return 0, nil, newError(http.StatusForbidden, 4, "A pull secret rotation is already pending")
		case SecondPostNewRecord:
		}
	}
	return http.StatusCreated, s.request(c.account).api(), nil
}

func (s *Sim) getRotation(c caller, r *http.Request) (int, any, *apiError) {
	rot, refusal := s.ownRotation(c, r, "get")
	if refusal != nil {
		return 0, nil, refusal
	}
	return http.StatusOK, rot.api(), nil
}

func (s *Sim) deleteOneRotation(c caller, r *http.Request) (int, any, *apiError) {
	rot, refusal := s.ownRotation(c, r, "delete")
	if refusal != nil {
		return 0, nil, refusal
	}
	s.deleteRotation(rot)
	return http.StatusNoContent, nil, nil
}

func (s *Sim) ownRotation(c caller, r *http.Request, action string) (*rotation, *apiError) {
	if r.PathValue("id") != c.account.id {
		return nil, denied(c.account.id, action, rotationKind, r)
	}
	for _, rot := range s.rotations {
		if rot.id == r.PathValue("rotationId") && rot.account == c.account {
			return rot, nil
		}
	}
	return nil, notFound(rotationKind, r.PathValue("rotationId"))
}

type apiTransfer struct {
	ref
	ClusterUUID string `json:"cluster_uuid"`
	Owner       string `json:"owner"`
	Recipient   string `json:"recipient"`
	RotationID  string `json:"pull_secret_rotation_id"`
	Status      string `json:"status"`
	Description string `json:"status_description"`
	Secret      string `json:"secret,omitempty"`
	Expiration  string `json:"expiration_date"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
}

// mayList says which transfers a search that does not name a cluster may find. insights-operator's names its own.
func (s *Sim) mayList(r *http.Request) (func(*transfer) bool, *apiError) {
	all := func(*transfer) bool { return true }
	if strings.Contains(r.URL.Query().Get("search"), "cluster_uuid") {
		return all, nil
	}
	switch s.opts.SiblingTransfers {
	case SiblingTransfersForbidden:
		return nil, newError(http.StatusForbidden, 4, "Forbidden to perform this action")
	case SiblingTransfersNone:
		return func(*transfer) bool { return false }, nil
	case SiblingTransfersOpen:
		return (*transfer).open, nil
	default:
		return all, nil
	}
}

// listTransfers shows those "within a valid transfer window", as the contract says: an expired one is not listed.
func (s *Sim) listTransfers(c caller, r *http.Request) (int, any, *apiError) {
	may, refusal := s.mayList(r)
	if refusal != nil {
		return 0, nil, refusal
	}
	var rows []record
	for _, t := range s.transfers {
		if t.cluster.account != c.account || !s.virtual().Before(t.expires) || !may(t) {
			continue
		}
		rows = append(rows, record{
			fields: map[string]string{
				"id": t.id, "cluster_uuid": t.cluster.id, "status": t.status, "owner": c.account.username,
				"recipient": c.account.username, "pull_secret_rotation_id": t.rotation.id,
				"created_at": timeText(t.created), "expiration_date": timeText(s.shown(t.expires)),
			},
			body: apiTransfer{
				ref:         ref{t.id, "ClusterTransfer", apiRoot + "/cluster_transfers/" + t.id},
				ClusterUUID: t.cluster.id, Owner: c.account.username, Recipient: c.account.username,
				RotationID: t.rotation.id, Status: t.status, Secret: t.secret,
				Expiration: timeText(s.shown(t.expires)), CreatedAt: timeText(t.created), UpdatedAt: timeText(t.updated),
			},
		})
	}
	return listOrNothing("ClusterTransferList", rows, r)
}

type apiSubscription struct {
	ref
	ClusterID         string `json:"cluster_id"`
	ExternalClusterID string `json:"external_cluster_id"`
	DisplayName       string `json:"display_name"`
	Status            string `json:"status"`
	Managed           bool   `json:"managed"`
	OrganizationID    string `json:"organization_id"`
	Creator           ref    `json:"creator"`
	LastTelemetryDate string `json:"last_telemetry_date"`
	CreatedAt         string `json:"created_at"`
	UpdatedAt         string `json:"updated_at"`
}

// listSubscriptions shows all of the caller's organisation: without a search by creator, a client counts other accounts' clusters.
func (s *Sim) listSubscriptions(c caller, r *http.Request) (int, any, *apiError) {
	var rows []record
	for _, cl := range s.clusters {
		if cl.account.organization != c.account.organization {
			continue
		}
		rows = append(rows, record{
			fields: map[string]string{
				"id": cl.subscriptionID, "creator.id": cl.account.id, "creator_id": cl.account.id, "status": cl.status,
				"creator.username": cl.account.username, "external_cluster_id": cl.id, "display_name": cl.name,
				"organization_id": cl.account.organization, "managed": "false", "created_at": timeText(cl.created),
			},
			body: apiSubscription{
				ref:       ref{cl.subscriptionID, "Subscription", apiRoot + "/subscriptions/" + cl.subscriptionID},
				ClusterID: cl.subscriptionID, ExternalClusterID: cl.id, DisplayName: cl.name, Status: cl.status,
				OrganizationID:    cl.account.organization,
				Creator:           ref{cl.account.id, "Account", apiRoot + "/accounts/" + cl.account.id},
				LastTelemetryDate: timeText(cl.lastTelemetry), CreatedAt: timeText(cl.created), UpdatedAt: timeText(cl.created),
			},
		})
	}
	l, refusal := page("SubscriptionList", rows, r)
	if refusal != nil {
		return 0, nil, refusal
	}
	return http.StatusOK, l, nil
}
