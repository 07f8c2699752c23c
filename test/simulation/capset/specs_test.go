package capset

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

type spec = v1alpha1.CAPCredentialSetSpec

// endpoint is the portal, with the schema's defaults.
func endpoint() v1alpha1.CAPEndpoint {
	return v1alpha1.CAPEndpoint{
		URL: "https://" + portalHost + "/api/v1/credentials", Dialect: v1alpha1.DialectC2S, Agency: "A", Mission: "M",
		ClientCertificateSecretRef: v1alpha1.LocalReference{Name: certificateName}, Timeout: &metav1.Duration{Duration: 30 * time.Second}, MaxConcurrentRequests: 4,
	}
}

// defaults serve the CredentialsRequests of the payload.
func (w *world) defaults() spec {
	s := spec{
		Endpoint: endpoint(),
		CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{
			DefaultRole: roles[0], Roles: []v1alpha1.RequestRole{{Name: "machines", Role: roles[1]}}, AdoptExisting: w.adopts,
		},
		Refresh:      v1alpha1.RefreshSpec{AtLifetimePercent: 50, JitterPercent: ptr.To(int32(10)), AssumedLifetime: &metav1.Duration{Duration: time.Hour}},
		Verification: v1alpha1.CAPVerification{STS: w.sts}, CreateMissingSecrets: ptr.To(w.creates),
		RestartTargets: []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "web"}},
	}
	s.Endpoint.Proxy = w.proxy
	return s
}

// ownDefaults serve Secrets that the spec names: one, or a crowd.
func (w *world) ownDefaults() spec {
	s := w.defaults()
	s.CredentialsRequests, s.RestartTargets = nil, nil
	s.Secrets = []v1alpha1.SecretRole{own(roles[2])}
	for i := range w.crowd {
		s.Secrets = append(s.Secrets, own(roles[2]))
		s.Secrets[1+i].Name = fmt.Sprintf("own-%03d", i)
	}
	return s
}

func own(role string) v1alpha1.SecretRole {
	return v1alpha1.SecretRole{SecretReference: v1alpha1.SecretReference{Namespace: ownRef.Namespace, Name: ownRef.Name}, Role: role}
}

type mutator func(*world, *spec)

func aRole(w *world) string { return pick(w, append([]string{unknownRole}, roles...)...) }

// requestsOf changes the CredentialsRequests of a spec that has some.
func requestsOf(change func(*world, *v1alpha1.CredentialsRequestsSpec)) mutator {
	return func(w *world, s *spec) {
		if s.CredentialsRequests != nil {
			change(w, s.CredentialsRequests)
		}
	}
}

func tlsOf(s *spec) *v1alpha1.CAPTLS {
	if s.Endpoint.TLS == nil {
		s.Endpoint.TLS = &v1alpha1.CAPTLS{}
	}
	return s.Endpoint.TLS
}

// selectorOf is for the fields of a selector.
func selectorOf(change func(*world, *v1alpha1.LabelSelector)) mutator {
	return requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		if r.Selector == nil {
			r.Selector = &v1alpha1.LabelSelector{}
		}
		change(w, r.Selector)
	})
}

func expression(w *world) v1alpha1.LabelRequirement {
	return v1alpha1.LabelRequirement{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{pick(w, "a", "b"), "z"}}
}

// mutators change one field each to any value that the schema allows, within reason. The key is the field's path.
var mutators = map[string]mutator{
	"endpoint.url": func(w *world, s *spec) {
		s.Endpoint.URL = pick(w, endpoint().URL, "https://"+portalHost+"/nowhere", "https://elsewhere.example.com/api")
	},
	"endpoint.dialect": func(w *world, s *spec) {
		s.Endpoint.Dialect = pick(w, v1alpha1.DialectC2S, v1alpha1.DialectSC2S)
	},
	"endpoint.agency":          func(w *world, s *spec) { s.Endpoint.Agency = pick(w, "A", "another") },
	"endpoint.mission":         func(w *world, s *spec) { s.Endpoint.Mission = pick(w, "M", "another") },
	"endpoint.extraParameters": func(w *world, s *spec) { s.Endpoint.ExtraParameters = pick(w, nil, map[string]string{"x": "y"}) },
	"endpoint.clientCertificateSecretRef.name": func(w *world, s *spec) {
		s.Endpoint.ClientCertificateSecretRef.Name = pick(w, certificateName, certificateName, "missing")
	},
	"endpoint.tls":            func(w *world, s *spec) { s.Endpoint.TLS = pick(w, nil, &v1alpha1.CAPTLS{}) },
	"endpoint.tls.minVersion": func(w *world, s *spec) { tlsOf(s).MinVersion = pick(w, "", v1alpha1.VersionTLS12) },
	"endpoint.tls.maxVersion": func(w *world, s *spec) {
		tlsOf(s).MaxVersion = pick(w, "", v1alpha1.VersionTLS12, v1alpha1.VersionTLS13)
	},
	"endpoint.tls.allowRSAKeyExchange": func(w *world, s *spec) { tlsOf(s).AllowRSAKeyExchange = w.Odds(2) },
	"endpoint.tls.caConfigMapRef":      func(_ *world, s *spec) { tlsOf(s).CAConfigMapRef, tlsOf(s).CASecretRef = nil, nil },
	"endpoint.tls.caConfigMapRef.name": func(w *world, s *spec) {
		tlsOf(s).CASecretRef, tlsOf(s).CAConfigMapRef = nil, &v1alpha1.LocalReference{Name: pick(w, "ca", "missing")}
	},
	"endpoint.tls.caSecretRef": func(_ *world, s *spec) { tlsOf(s).CASecretRef = nil },
	"endpoint.tls.caSecretRef.name": func(w *world, s *spec) {
		tlsOf(s).CAConfigMapRef, tlsOf(s).CASecretRef = nil, &v1alpha1.LocalReference{Name: pick(w, certificateName, "missing")}
	},
	"endpoint.proxy": func(w *world, s *spec) { s.Endpoint.Proxy = pick(w, "", "none", proxyURL) },
	"endpoint.timeout": func(w *world, s *spec) {
		s.Endpoint.Timeout = &metav1.Duration{Duration: pick(w, time.Second, 30*time.Second, 5*time.Minute)}
	},
	"endpoint.maxConcurrentRequests": func(w *world, s *spec) {
		s.Endpoint.MaxConcurrentRequests = pick(w, int32(1), 4, 32)
	},
	"credentialsRequests": func(w *world, s *spec) {
		s.CredentialsRequests = w.defaults().CredentialsRequests
		if w.Odds(4) {
			s.CredentialsRequests = nil
		}
	},
	"credentialsRequests.namespaces": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) { r.Namespaces = pick(w, nil, []string{"team-x"}) }),
	"credentialsRequests.selector":   requestsOf(func(_ *world, r *v1alpha1.CredentialsRequestsSpec) { r.Selector = nil }),
	"credentialsRequests.selector.matchLabels": selectorOf(func(w *world, s *v1alpha1.LabelSelector) {
		s.MatchLabels = pick(w, nil, map[string]string{"team": "a"})
	}),
	"credentialsRequests.selector.matchExpressions": selectorOf(func(w *world, s *v1alpha1.LabelSelector) {
		s.MatchExpressions = pick(w, nil, []v1alpha1.LabelRequirement{expression(w)})
	}),
	"credentialsRequests.selector.matchExpressions.key": selectorOf(func(w *world, s *v1alpha1.LabelSelector) {
		s.MatchExpressions = []v1alpha1.LabelRequirement{expression(w)}
		s.MatchExpressions[0].Key = pick(w, "team", "missing")
	}),
	"credentialsRequests.selector.matchExpressions.operator": selectorOf(func(w *world, s *v1alpha1.LabelSelector) {
		s.MatchExpressions = []v1alpha1.LabelRequirement{expression(w)}
	}),
	"credentialsRequests.selector.matchExpressions.values": selectorOf(func(w *world, s *v1alpha1.LabelSelector) {
		s.MatchExpressions = []v1alpha1.LabelRequirement{expression(w)}
		s.MatchExpressions[0].Values = pick(w, []string{"a"}, []string{"z"})
	}),
	"credentialsRequests.exclude": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Exclude = pick(w, nil, []v1alpha1.RequestReference{{Name: "ingress"}})
	}),
	"credentialsRequests.exclude.namespace": requestsOf(func(_ *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Exclude = []v1alpha1.RequestReference{{Namespace: payload, Name: "registry"}}
	}),
	"credentialsRequests.exclude.name": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Exclude = []v1alpha1.RequestReference{{Name: pick(w, "machines", "missing")}}
	}),
	"credentialsRequests.roles": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Roles = pick(w, nil, []v1alpha1.RequestRole{{Name: "ingress", Role: aRole(w)}})
	}),
	"credentialsRequests.roles.namespace": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Roles = []v1alpha1.RequestRole{{Namespace: payload, Name: "machines", Role: aRole(w)}}
	}),
	"credentialsRequests.roles.name": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.Roles = []v1alpha1.RequestRole{{Name: pick(w, "machines", "registry", "missing"), Role: aRole(w)}}
	}),
	"credentialsRequests.roles.role": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		for i := range r.Roles {
			r.Roles[i].Role = aRole(w)
		}
	}),
	"credentialsRequests.defaultRole": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) { r.DefaultRole = pick(w, "", aRole(w)) }),
	"credentialsRequests.secretRoleKey": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.SecretRoleKey, r.AllowedRoles = v1alpha1.SecretRoleKeyIgnore, nil
		if w.Odds(2) {
			r.SecretRoleKey, r.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{roles[1], roles[2]}
		}
	}),
	"credentialsRequests.allowedRoles": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) {
		r.SecretRoleKey, r.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{aRole(w)}
	}),
	"credentialsRequests.adoptExisting": requestsOf(func(w *world, r *v1alpha1.CredentialsRequestsSpec) { r.AdoptExisting = w.Odds(2) }),
	"secrets":                           func(w *world, s *spec) { s.Secrets = pick(w, nil, []v1alpha1.SecretRole{own(aRole(w))}) },
	"secrets.namespace": func(w *world, s *spec) {
		s.Secrets = []v1alpha1.SecretRole{own(aRole(w))}
		s.Secrets[0].Namespace = pick(w, append([]string{"nowhere"}, namespaces...)...)
	},
	"secrets.name": func(w *world, s *spec) {
		s.Secrets = []v1alpha1.SecretRole{own(aRole(w))}
		s.Secrets[0].Name = pick(w, "own", "another")
	},
	"secrets.role":              func(w *world, s *spec) { s.Secrets = []v1alpha1.SecretRole{own(aRole(w))} },
	"refresh.atLifetimePercent": func(w *world, s *spec) { s.Refresh.AtLifetimePercent = pick(w, int32(10), 50, 90) },
	"refresh.jitterPercent":     func(w *world, s *spec) { s.Refresh.JitterPercent = ptr.To(pick(w, int32(0), 10, 40)) },
	"refresh.assumedLifetime": func(w *world, s *spec) {
		s.Refresh.AssumedLifetime = &metav1.Duration{Duration: pick(w, 10*time.Minute, time.Hour)}
	},
	"verification.sts": func(w *world, s *spec) {
		s.Verification.STS = pick(w, v1alpha1.STSOff, v1alpha1.STSBestEffort, v1alpha1.STSRequired)
	},
	"verification.region":   func(w *world, s *spec) { s.Verification.Region = pick(w, "", "us-iso-east-1") },
	"verification.endpoint": func(w *world, s *spec) { s.Verification.Endpoint = pick(w, "", "https://sts.example.com") },
	"createMissingSecrets":  func(w *world, s *spec) { s.CreateMissingSecrets = ptr.To(w.Odds(2)) },
	"restartTargets": func(w *world, s *spec) {
		s.RestartTargets = pick(w, nil, []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: "apps", Name: "web"}})
	},
	"restartTargets.kind": func(w *world, s *spec) {
		s.RestartTargets = []v1alpha1.RestartTarget{{Kind: pick(w, v1alpha1.RestartDaemonSet, v1alpha1.RestartStatefulSet), Namespace: "apps", Name: "web"}}
	},
	"restartTargets.namespace": func(w *world, s *spec) {
		s.RestartTargets = []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: pick(w, "apps", "nowhere", machines.Namespace), Name: "web"}}
	},
	"restartTargets.name": func(w *world, s *spec) {
		s.RestartTargets = []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: "apps", Name: pick(w, "web", "missing")}}
	},
	"upgrade":         func(_ *world, s *spec) { s.Upgrade = &v1alpha1.UpgradeSpec{} },
	"upgrade.prepare": func(_ *world, s *spec) { s.Upgrade = nil },
	"upgrade.prepare.name": func(w *world, s *spec) {
		s.Upgrade = &v1alpha1.UpgradeSpec{Prepare: &v1alpha1.LocalReference{Name: pick(w, "next", "missing")}}
	},
	"suspend": func(w *world, s *spec) { s.Suspend = w.Odds(2) },
}

func TestEachFieldOfTheSpecIsEdited(t *testing.T) {
	stage.CheckEdits(t, reflect.TypeFor[spec](), mutators)
}

// editSpec changes one field.
func (c *cluster) editSpec(name string) {
	change := stage.PickEdit(c.World, name, mutators)
	c.edit(name, func(o *v1alpha1.CAPCredentialSet) { change(c.w, &o.Spec) })
}

// correct is a person who puts a spec in order.
func (c *cluster) correct(name string) {
	c.edit(name, func(o *v1alpha1.CAPCredentialSet) {
		if name == "own" {
			o.Spec = c.w.ownDefaults()
		} else {
			o.Spec = c.w.defaults()
		}
	})
}

// complete creates the set of the payload if it is missing.
func (c *cluster) complete() {
	if c.set("payload") == nil {
		c.put("payload", c.w.defaults())
	}
}
