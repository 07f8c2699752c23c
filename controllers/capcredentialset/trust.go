package capcredentialset

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/trust"
)

// trusted are the CAs with which CAP and a proxy in front of it are checked.
type trusted struct {
	roots, proxyRoots *x509.CertPool
	// digest changes with CAP's CAs; empty if some could not be read.
	digest string
	// from says where CAP's CAs come from.
	from string
}

func (t trusted) equal(other trusted) bool {
	return t.from == other.from && t.roots.Equal(other.roots) && t.proxyRoots.Equal(other.proxyRoots)
}

// caError means that the CA in the spec is missing or invalid, rather than temporarily unreadable.
type caError struct{ words string }

func (e *caError) Error() string { return "spec.endpoint.tls: " + e.words }

// caKeys are the keys with CAs in a ConfigMap or a Secret, in order of preference.
var caKeys = []string{"ca-bundle.crt", "ca.crt", "ca-chain.cert.pem"}

// authorities finds CAP's CAs: those in the spec take precedence over the CA beside the client certificate, and that over the cluster's bundle. A
// proxy belongs to the cluster, whatever CAP's own CA is.
func (r *reconciler) authorities(ctx context.Context, s *scope) (trusted, error) {
	bundle, err := cluster.ReadTrustBundle(ctx, r.reader)
	if err != nil {
		// A failing API server must not stop the refresh: the cluster may need its credentials to recover.
		log.FromContext(ctx).Error(err, "The cluster's trust bundle cannot be read, so only the system's roots are trusted")
	}
	t := trusted{roots: trust.Pool(bundle), from: "the system's roots and the cluster's trust bundle", digest: digest(bundle)}
	if err != nil {
		t.digest = ""
	}
	t.proxyRoots = t.roots
	named, from, err := r.namedCA(ctx, s)
	switch {
	case err != nil:
		return trusted{}, err
	case from != "":
		t.roots, t.from, t.digest = x509.NewCertPool(), from+" alone", digest(named)
		if !t.roots.AppendCertsFromPEM(named) {
			return trusted{}, &caError{from + " holds no certificate in PEM form under " + strings.Join(caKeys, ", ")}
		}
	case s.certificate.RootCAs != nil:
		t.roots, t.digest = s.certificate.RootCAs, digest(s.certificate.CAs)
		t.from = "the CA in Secret " + r.certificateRef(s.set).String() + " alone"
	}
	return t, nil
}

// namedCA reads the CA in the spec. from is empty if there is none.
func (r *reconciler) namedCA(ctx context.Context, s *scope) (pem []byte, from string, err error) {
	spec := s.set.Spec.Endpoint.TLS
	var data func(key string) []byte
	switch {
	case spec == nil:
		return nil, "", nil
	case spec.CAConfigMapRef != nil:
		m := &corev1.ConfigMap{}
		err = r.reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: spec.CAConfigMapRef.Name}, m)
		from, data = "ConfigMap "+r.Namespace+"/"+spec.CAConfigMapRef.Name, func(key string) []byte { return []byte(m.Data[key]) }
	case spec.CASecretRef != nil:
		var secret *corev1.Secret
		secret, err = r.secrets.Secrets(r.Namespace).Get(ctx, spec.CASecretRef.Name, metav1.GetOptions{})
		from, data = "Secret "+r.Namespace+"/"+spec.CASecretRef.Name, func(key string) []byte { return secret.Data[key] }
	default:
		return nil, "", nil
	}
	if apierrors.IsNotFound(err) {
		return nil, from, &caError{from + " does not exist"}
	}
	if err != nil {
		return nil, from, fmt.Errorf("spec.endpoint.tls: %s cannot be read", from)
	}
	for _, key := range caKeys {
		if content := data(key); len(strings.TrimSpace(string(content))) > 0 {
			return content, from, nil
		}
	}
	return nil, from, nil
}
