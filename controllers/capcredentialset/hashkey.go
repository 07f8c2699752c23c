package capcredentialset

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

const (
	// hashKeySecret holds the key of the content hash, in the operator's namespace.
	hashKeySecret = "credential-rotation-operator-hash-key"
	hashKeyKey    = "key"
	hashKeyLength = 32
)

func newHashKey() []byte {
	fresh := make([]byte, hashKeyLength)
	_, _ = rand.Read(fresh) // never fails, by its documentation
	return fresh
}

// ownHashKey is a key for this process alone, if the one in the cluster has been unavailable for a while. It costs a refresh of each Secret, now
// and after the next start, but credentials must not expire because of bookkeeping.
func (r *reconciler) ownHashKey(ctx context.Context) *corev1.Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.keylessSince.IsZero() {
		r.keylessSince = now
	}
	if now.Sub(r.keylessSince) < blindFor {
		return nil
	}
	log.FromContext(ctx).Info("The key of the content hash cannot be read or created; this process uses its own key")
	return &corev1.Secret{Data: map[string][]byte{hashKeyKey: newHashKey()}}
}

// contentHashKey reads the key of the content hash, or creates it. If it is lost, nothing is known about the Secrets, and each is refreshed once.
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
		secret, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: hashKeySecret, Labels: map[string]string{"app.kubernetes.io/name": managedfields.Operator}},
			Data:       map[string][]byte{hashKeyKey: newHashKey()},
		}, metav1.CreateOptions{FieldManager: managedfields.Operator})
		if apierrors.IsAlreadyExists(err) {
			secret, err = secrets.Get(ctx, hashKeySecret, metav1.GetOptions{})
		}
	}
	if err == nil && len(secret.Data[hashKeyKey]) < hashKeyLength {
		secret = secret.DeepCopy()
		secret.Data = map[string][]byte{hashKeyKey: newHashKey()}
		secret, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: managedfields.Operator})
		log.FromContext(ctx).Info("The key of the content hash was damaged: the operator creates a new one and refreshes each Secret once")
	}
	if err != nil {
		if secret = r.ownHashKey(ctx); secret == nil {
			return nil, fmt.Errorf("the key of the content hash: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hashKey = secret.Data[hashKeyKey]
	return r.hashKey, nil
}
