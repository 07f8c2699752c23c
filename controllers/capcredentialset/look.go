package capcredentialset

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// discover finds what the set has to do with, and has it watched. known is false as long as the cluster has not been read.
func (r *reconciler) discover(ctx context.Context, s *scope) (known bool, err error) {
	if s.requests, known, s.requestsErr = r.facts.Requests(); !known && s.requestsErr == nil {
		return false, nil
	}
	all := &v1alpha1.CAPCredentialSetList{}
	if err := r.client.List(ctx, all); err != nil {
		return false, fmt.Errorf("reading the CAPCredentialSets: %w", err)
	}
	if s.discovery, err = plan.Discover(s.set, asked(s.requests), all.Items); err != nil && !s.set.Spec.Suspend {
		s.hold = &plan.Hold{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error() + ". Nothing is fetched or written until it is corrected."}
	}
	refs := make([]types.NamespacedName, 0, len(s.discovery.Targets)+1)
	refs = append(refs, r.certificateRef(s))
	for _, t := range s.discovery.Targets {
		if t.Holder == "" {
			refs = append(refs, t.Ref)
		}
	}
	s.mu.Lock()
	s.refs = make(map[types.NamespacedName]bool, len(refs))
	for _, ref := range refs {
		s.refs[ref] = true
	}
	s.mu.Unlock()
	r.store.Watch(owner(s.set.Name), refs...)

	if s.hold == nil {
		known, s.hold = r.held(s)
		return known, nil
	}
	return true, nil
}

// asked are the CredentialsRequests as the plan wants to know them.
func asked(requests []cluster.CredentialsRequest) []plan.Request {
	all := make([]plan.Request, 0, len(requests))
	for _, r := range requests {
		all = append(all, plan.Request{Namespace: r.Namespace, Name: r.Name, Labels: r.Labels, Secret: r.Secret, TimedToken: r.TimedToken})
	}
	return all
}

// held says what keeps the set from doing anything, in the order in which it is worth knowing.
func (r *reconciler) held(s *scope) (known bool, _ *plan.Hold) {
	if s.set.Spec.Suspend {
		return true, &plan.Hold{Reason: v1alpha1.ReasonSuspended, Message: "spec.suspend is true: nothing is fetched or written, and credentials expire. Set it to false to go on."}
	}
	if err := r.CAPHosts.Check(s.set.Spec.Endpoint.URL); err != nil && !r.CAPHosts.Empty() {
		return true, hostHold(err)
	}
	mode, err := r.facts.Mode()
	switch {
	case err != nil:
		return true, &plan.Hold{Reason: v1alpha1.ReasonForbidden, Message: "The cloud-credential-operator's mode cannot be read, so nothing is written: it could be writing these Secrets itself. " +
			"Restore the operator's ClusterRole credential-rotation-operator."}
	case !mode.Known:
		return false, nil
	case !mode.Manual():
		return true, modeHold(mode)
	}
	return true, nil
}

// look observes the client certificate and the Secrets, and makes the plan.
func (r *reconciler) look(ctx context.Context, s *scope) error {
	now := r.now()
	r.lookAtCertificate(s, now)
	key, err := r.contentHashKey(ctx)
	if err != nil {
		return err
	}
	s.hashKey = key
	r.lookAtSecrets(s, key)
	return nil
}

// lookAtSecrets observes the Secrets and makes the plan.
func (r *reconciler) lookAtSecrets(s *scope, key []byte) {
	now := r.now()
	secrets := make(map[types.NamespacedName]plan.Observation, len(s.discovery.Targets))
	for _, t := range s.discovery.Targets {
		if t.Holder == "" {
			secrets[t.Ref] = r.lookAtSecret(t.Ref, key)
		}
	}
	s.distrust(r.clockJumps(), secrets)
	s.plan = plan.Decide(s.input(secrets, now))
	s.memory.Forget(s.plan.Rows, s.set.Spec.RestartTargets)
	r.keep(s)
}

// keep takes the latest good credential of each role into memory: a Secret that is emptied or deleted while CAP is away gets back
// what still lives.
func (r *reconciler) keep(s *scope) {
	for i := range s.plan.Rows {
		row := &s.plan.Rows[i]
		ours := row.Known && row.Usable && row.Books.Hash == row.Hash && row.Books.Role == row.Role && row.ExpiresAt.After(r.now())
		if !ours || s.memory.Refused[row.Hash] || s.memory.Suspect[row.Hash] || !row.FetchedAt.After(s.memory.Held[row.Role].FetchedAt) {
			continue
		}
		secret, found, _ := r.store.Get(row.Ref.Namespace, row.Ref.Name)
		if !found || secret.ResourceVersion != row.ResourceVersion {
			continue
		}
		if credential, err := awscreds.Parse(secret.Data); err == nil {
			s.held[row.Role], s.memory.Held[row.Role] = credential, plan.Held{FetchedAt: row.FetchedAt, ExpiresAt: row.ExpiresAt, Expiry: row.Expiry}
		}
	}
	for role := range s.held {
		if _, ok := s.memory.Held[role]; !ok {
			delete(s.held, role)
		}
	}
}

func (r *reconciler) lookAtSecret(ref types.NamespacedName, key []byte) plan.Observation {
	secret, found, synced := r.store.Get(ref.Namespace, ref.Name)
	switch {
	case found:
		return observe(secret, key)
	case synced:
		exists, known := r.facts.HasNamespace(ref.Namespace)
		return plan.Observation{Known: known, NamespaceMissing: !exists}
	}
	if err := r.store.Err(ref.Namespace, ref.Name); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return plan.Observation{Forbidden: true, Problem: forbiddenMessage(ref, "read", r.Namespace)}
	}
	return plan.Observation{}
}

func (r *reconciler) certificateRef(s *scope) types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: s.set.Spec.Endpoint.ClientCertificateSecretRef.Name}
}

// lookAtCertificate reads the client certificate as it is now, and holds the set when it is of no use.
func (r *reconciler) lookAtCertificate(s *scope, now time.Time) {
	ref := r.certificateRef(s)
	secret, found, synced := r.store.Get(ref.Namespace, ref.Name)
	readErr := r.store.Err(ref.Namespace, ref.Name)
	s.certificate, s.certificateErr, s.certificateUnread = nil, nil, !synced && readErr == nil
	switch {
	case found:
		s.certificate, s.certificateErr = cap.LoadClientCertificate(secret.Data, now)
	case synced:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it does not exist"}
	case apierrors.IsForbidden(readErr) || apierrors.IsUnauthorized(readErr):
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "the operator may not read it. Restore its Role credential-rotation-operator in that namespace"}
	case readErr != nil:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it cannot be read at present"}
	default:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it has not been read yet"}
	}
	s.memory.Rebase(strconv.FormatInt(s.set.Generation, 10) + "/" + certificateBasis(secret))
	// A hold that the certificate caused is judged anew; the others hold for the whole round.
	if s.hold != nil && !s.holdByCertificate {
		return
	}
	s.hold, s.holdByCertificate = nil, false
	if s.certificateErr != nil {
		s.hold, s.holdByCertificate = &plan.Hold{Reason: string(s.certificateErr.Reason), Message: certificateMessage(ref, s.certificateErr, synced), Fetching: true}, true
	}
}

// certificateBasis changes with the content of the certificate's Secret. It stays in memory.
func certificateBasis(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	sum := sha256.New()
	for _, k := range []string{"tls.crt", "tls.key", "ca.crt", "cap.pem", "cap.key", "ca-chain.cert.pem"} {
		part := sha256.Sum256(secret.Data[k])
		sum.Write(part[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func certificateMessage(ref types.NamespacedName, err *cap.CertificateError, read bool) string {
	until := "it can be read"
	if read {
		until = "it is replaced"
	}
	return fmt.Sprintf("The client certificate in Secret %s cannot be used: %s. No credential is fetched until %s.", ref, err.Message, until)
}

const (
	// hashKeySecret holds the key of the content hash, in the operator's namespace.
	hashKeySecret = "credential-rotation-operator-hash-key"
	hashKeyKey    = "key"
	hashKeyLength = 32
)

var errHashKeyDamaged = errors.New("Secret " + hashKeySecret + " in the operator's namespace is damaged: delete it, a new one is made")

// contentHashKey reads the key of the content hash, and makes it once. Should it get lost, nothing is known of the Secrets and
// each is refreshed once.
func (r *reconciler) contentHashKey(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	key := r.hashKey
	r.mu.Unlock()
	if key != nil {
		return key, nil
	}
	secrets := r.secrets.Secrets(r.Namespace)
	secret, err := secrets.Get(ctx, hashKeySecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		fresh := make([]byte, hashKeyLength)
		_, _ = rand.Read(fresh) // never fails, by its documentation
		secret, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: hashKeySecret, Labels: map[string]string{"app.kubernetes.io/name": fieldManager}},
			Data:       map[string][]byte{hashKeyKey: fresh},
		}, metav1.CreateOptions{FieldManager: fieldManager})
		if apierrors.IsAlreadyExists(err) {
			secret, err = secrets.Get(ctx, hashKeySecret, metav1.GetOptions{})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the content hash: %w", err)
	}
	if len(secret.Data[hashKeyKey]) < hashKeyLength {
		return nil, errHashKeyDamaged
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hashKey = secret.Data[hashKeyKey]
	return r.hashKey, nil
}
