package pullsecretrotation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// The ledger lists the rotations that this cluster has requested. OCM does not say who requested one, and a recreated object, or another object
// of this cluster, must not mistake the cluster's own for somebody else's. It is a Secret, because the operator may not write ConfigMaps; it
// holds only ids and reasons, and has no owner.

const (
	ledgerName = "requested-rotations"
	// ledgerSize is how many it keeps: several years of one account's.
	ledgerSize = 32
)

// noteRequested adds a rotation. For this object the record in the status counts, so a failure here is only logged.
func (s *scope) noteRequested(ctx context.Context, id string, why v1alpha1.RotationTrigger) {
	ledger := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.r.Options.Namespace, Name: ledgerName}}
	_, err := controllerutil.CreateOrUpdate(ctx, uncached{s.r.Client, s.r.Reader}, ledger, func() error {
		if ledger.Data == nil {
			ledger.Data = map[string][]byte{}
		}
		ledger.Data[id] = []byte(why)
		for _, old := range oldest(ledger.Data, ledgerSize) {
			delete(ledger.Data, old)
		}
		return nil
	})
	if err != nil {
		s.log.Info("the rotation could not be recorded as requested by this cluster", "rotation", id, "reason", apierrors.ReasonForError(err))
	}
}

// oldest are the excess ids: OCM's ids sort by time.
func oldest(entries map[string][]byte, keep int) []string {
	ids := slices.Sorted(maps.Keys(entries))
	return ids[:max(0, len(ids)-keep)]
}

// requestedHere reads the ledger.
func (s *scope) requestedHere(ctx context.Context) (map[string]v1alpha1.RotationTrigger, error) {
	ledger, requested := &corev1.Secret{}, map[string]v1alpha1.RotationTrigger{}
	err := s.r.Reader.Get(ctx, s.ownKey(ledgerName), ledger)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading the Secret %s: %w", ledgerName, err)
	}
	for id, why := range ledger.Data {
		switch w := v1alpha1.RotationTrigger(why); w {
		case v1alpha1.TriggerRotateAfter, v1alpha1.TriggerSchedule:
			requested[id] = w
		}
	}
	return requested, nil
}
