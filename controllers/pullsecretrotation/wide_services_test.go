package pullsecretrotation

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

func basicAuth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// wideServices are OCM and the registries of one reconcile.
type wideServices struct {
	m *wideModel
	w *wide
	// effect is called for each effect before its response.
	effect func(string)
}

// OCM implements Connector.
func (s *wideServices) OCM(cfg ocm.Config) (OCM, error) {
	c := &wideOCM{wideServices: s, account: none, token: nobody}
	if cfg.ClusterToken != (ocm.ClusterToken{}) {
		if known, ok := wideAuths[cfg.ClusterToken.Auth]; ok {
			c.token = known
		}
		return c, nil
	}
	c.account = int8(slices.Index(accountNames[:], cfg.Credential.Token))
	return c, nil
}

// Registries implements Connector.
func (s *wideServices) Registries(*x509.CertPool) Prober { return s }

// Check implements Prober.
func (s *wideServices) Check(_ context.Context, c registry.Check) registry.Result {
	host := hostIndex(c.Registry)
	if host < 0 {
		return registry.Result{Outcome: registry.Accepted, Message: "accepts"}
	}
	known, ok := wideAuths[basicAuth(c.Username, c.Password)]
	switch answer := s.w.registry[host]; {
	case answer == answersNot:
		return registry.Result{Outcome: registry.Unreachable, Message: "cannot be reached"}
	case ok && (answer == answersOld || s.w.alive(known) && (answer == answersTruly || known.generation != s.w.accounts[known.account].newest)):
		s.w.heard(known, host, true)
		return registry.Result{Outcome: registry.Accepted, Message: "accepts"}
	default:
		if ok {
			s.w.heard(known, host, false)
		}
		return registry.Result{Outcome: registry.Unauthorized, Message: "refuses"}
	}
}

// heard records a registry's result for a set.
func (w *wide) heard(s set, host int, yes bool) {
	if yes {
		w.heardAt[s.account][host][s.generation] = int32(w.now.Sub(wideStart) / time.Minute)
		w.accepted[s.account][host] |= bit16(s.generation)
		w.refused[s.account][host] &^= bit16(s.generation)
		return
	}
	w.refused[s.account][host] |= bit16(s.generation)
	w.accepted[s.account][host] &^= bit16(s.generation)
}

// wideOCM is OCM for one credential.
type wideOCM struct {
	*wideServices
	account int8 // of an OCM credential
	token   set  // a cluster's own
}

var (
	errAway         = &ocm.Error{Kind: ocm.OCMUnavailable, Message: "OCM cannot be reached"}
	errUnauthorized = &ocm.Error{Kind: ocm.OCMUnauthorized, Message: "OCM refuses the token"}
	errForbidden    = &ocm.Error{Kind: ocm.OCMForbidden, Message: "OCM forbids it"}
)

// asks returns the caller's account, or the error of the request.
func (o *wideOCM) asks() (int8, error) {
	switch {
	case o.w.ocmAway:
		return none, errAway
	case o.account >= 0:
		return o.account, nil
	case o.token == nobody || !o.w.alive(o.token), o.m.unregistered && o.w.accounts[o.token.account].registered&bit16(o.token.generation) == 0:
		return none, errUnauthorized
	}
	return o.token.account, nil
}

func (o *wideOCM) Close() error { return nil }

func (o *wideOCM) CurrentAccount(context.Context) (ocm.Account, error) {
	account, err := o.asks()
	if o.token != nobody && !o.w.ocmAway {
		o.w.heard(o.token, cloud, err == nil)
	}
	if err != nil {
		return ocm.Account{}, err
	}
	return ocm.Account{ID: accountNames[account], Username: accountNames[account], Email: accountNames[account] + "@example.com"}, nil
}

func (o *wideOCM) own(accountID string) (int8, error) {
	account, err := o.asks()
	if err == nil && accountNames[account] != accountID {
		err = errForbidden
	}
	return account, err
}

func (o *wideOCM) Rotations(_ context.Context, accountID string) ([]ocm.Rotation, error) {
	account, err := o.own(accountID)
	if err != nil {
		return nil, err
	}
	list := []ocm.Rotation{}
	for _, r := range o.w.rotations {
		if r.account == account {
			list = append(list, ocm.Rotation{ID: r.id, AccountID: accountID, Status: r.status, CreatedAt: r.created, UpdatedAt: r.updated})
		}
	}
	slices.SortStableFunc(list, func(a, b ocm.Rotation) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list, nil
}

func (o *wideOCM) RequestRotation(_ context.Context, accountID string) (ocm.Rotation, error) {
	account, err := o.own(accountID)
	if err != nil {
		return ocm.Rotation{}, err
	}
	o.w.checkPost(o.m, account)
	r := o.w.request(o.m, account, o.w.now)
	o.effect("POST")
	return ocm.Rotation{ID: r.id, AccountID: accountID, Status: r.status, CreatedAt: r.created, UpdatedAt: r.updated}, nil
}

func (o *wideOCM) AccessToken(context.Context) ([]byte, error) {
	account, err := o.asks()
	if err != nil {
		return nil, err
	}
	g := o.w.accounts[account].newest
	if o.w.lagging && account == ours {
		g = o.w.accounts[account].before
	}
	o.w.accounts[account].seen |= bit16(g)
	return []byte(given(set{account, g})), nil
}

func (o *wideOCM) ClusterTransfers(context.Context, string) ([]ocm.Transfer, error) {
	account, err := o.asks()
	if err != nil {
		return nil, err
	}
	list := []ocm.Transfer{}
	for _, r := range o.w.rotations {
		if r.account != account || r.mine == noTransfer {
			continue
		}
		t := ocm.Transfer{
			ID: "transfer-" + r.id, ClusterID: wideCluster, RotationID: r.id, CreatedAt: r.created, ExpiresAt: r.expires,
			Status: map[transfer]string{pendingTransfer: "pending", acceptedTransfer: ocm.TransferAccepted, completedTransfer: "completed", expiredTransfer: "expired"}[r.mine],
		}
		if r.issued >= 0 {
			t.Secret = []byte(given(set{account, r.issued}))
		}
		list = append(list, t)
	}
	return list, nil
}

func (o *wideOCM) Siblings(_ context.Context, accountID, _ string) (ocm.Siblings, error) {
	account, err := o.own(accountID)
	if err != nil || !o.m.siblings && account == ours {
		return ocm.Siblings{}, err
	}
	return ocm.Siblings{Others: 1, Named: []ocm.Subscription{{ClusterID: "sibling-" + accountID, Status: "Active"}}}, nil
}

// Progress is refused, as OCM may: no decision depends on it.
func (o *wideOCM) Progress(context.Context, string, string, time.Time) (ocm.Progress, error) {
	return ocm.Progress{}, errForbidden
}

// wideCluster is the cluster's id.
const wideCluster = "00000000-0000-4000-8000-000000000001"

func rotationName(i int) string { return fmt.Sprintf("rotation-%d", i) }

// request makes a rotation.
func (w *wide) request(m *wideModel, account int8, created time.Time) wideRotation {
	created = created.Add(time.Duration(len(w.rotations)) * time.Second) // each is later than the one before
	r := wideRotation{
		id: rotationName(len(w.rotations)), account: account, status: decide.RotationPending, created: created, updated: created,
		issued: none, expires: created.Add(wideWindow),
	}
	if account == ours {
		r.mine = pendingTransfer
	}
	if m.siblings || account != ours {
		r.sibling = pendingTransfer
	}
	w.rotations = append(slices.Clone(w.rotations), r)
	return r
}
