package capset

import (
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simcap "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// foreignKey is a data key of somebody else.
const foreignKey = "config"

var (
	namespaces = []string{"machine-api", "image-registry", "ingress", "storage"}
	machines   = types.NamespacedName{Namespace: "machine-api", Name: "aws"}
	registry   = types.NamespacedName{Namespace: "image-registry", Name: "aws"}
	ingress    = types.NamespacedName{Namespace: "ingress", Name: "aws"}
	storage    = types.NamespacedName{Namespace: "storage", Name: "aws"}
	ownRef     = types.NamespacedName{Namespace: "team-x", Name: "own"}
	targets    = []types.NamespacedName{machines, registry, ingress, storage, ownRef}

	payloadRequests = []request{{"machines", "a", machines, false}, {"registry", "a", registry, false}, {"ingress", "b", ingress, false}}
)

var (
	bothNames = []string{"payload", "own"}
	setNames  = []string{"payload", "payload", "own"} // as often as people touch them
)

var moves = append(stage.Moves[*cluster]("Secret", "ask CAP", "status"), []stage.Move[*cluster]{
	{Name: "spec edited", Weight: 12, Do: func(c *cluster) { c.editSpec(pick(c.w, setNames...)) }},
	{Name: "spec corrected", Weight: 6, Do: func(c *cluster) { c.correct(pick(c.w, setNames...)) }},
	{Name: "refresh requested", Weight: 4, Do: func(c *cluster) {
		c.edit(pick(c.w, setNames...), func(o *v1alpha1.CAPCredentialSet) {
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, time.Now().Add(c.Skew).UTC().Format(time.RFC3339))
		})
	}},
	{Name: "set deleted", Weight: 2, Do: func(c *cluster) { c.deleteSet(pick(c.w, setNames...)) }},
	{Name: "set created", Weight: 4, Do: func(c *cluster) { c.complete() }},
	{Name: "Secret written by somebody", Weight: 16, Do: func(c *cluster) { c.editSecret(pick(c.w, targets...)) }},
	{Name: "CredentialsRequests change", Weight: 6, Do: (*cluster).changeRequests},
	{Name: "namespaces change", Weight: 3, Do: func(c *cluster) {
		if name := pick(c.w, namespaces...); c.w.Odds(2) {
			c.deleteNamespace(name)
		} else {
			c.putNamespace(name)
		}
	}},
	{Name: "client certificate changed", Weight: 5, Do: (*cluster).changeCertificate},
	{Name: "mode changed", Weight: 2, Do: func(c *cluster) { c.setMode(pick(c.w, "Manual", "Manual", "Mint", "")) }},
	{Name: "key of the content hash gone", Weight: 1, Do: func(c *cluster) {
		c.deleteSecret(types.NamespacedName{Namespace: operatorNamespace, Name: hashKeyName})
	}},
	{Name: "CAP fails", Weight: 16, Do: (*cluster).breakPortal},
	{Name: "CAP's habits change", Weight: 5, Do: (*cluster).changeHabits},
	{Name: "CAP unreachable", Weight: 3, Do: func(c *cluster) { c.w.down = true }},
	{Name: "CAP's certificate expired", Weight: 2, Do: func(c *cluster) { c.w.expired = true }},
	{Name: "CAP mended", Weight: 8, Do: func(c *cluster) { c.w.mend() }},
	{Name: "credentials revoked", Weight: 2, Do: func(c *cluster) {
		c.w.portal.Kill(pick(c.w, append([]string{""}, roles...)...))
		c.doubt()
	}},
	{Name: "STS away", Weight: 3, Do: func(c *cluster) { c.w.stsAway = true }},
	{Name: "STS back", Weight: 3, Do: func(c *cluster) { c.w.stsAway = false }},
	{Name: "proxy away", Weight: 2, Do: func(c *cluster) { c.w.proxyDown = true }},
	{Name: "proxy back", Weight: 3, Do: func(c *cluster) { c.w.proxyDown = false }},
	{Name: "CAP speaks new TLS alone", Weight: 1, Do: func(c *cluster) {
		c.w.onlyNew = true
		c.edit(pick(c.w, setNames...), func(o *v1alpha1.CAPCredentialSet) { tlsOf(&o.Spec).MaxVersion = v1alpha1.VersionTLS12 })
	}},
	{Name: "an important field edited", Weight: 8, Do: (*cluster).editImportant},
	{Name: "rights revoked or given back", Weight: 3, Do: (*cluster).changeRights},
	{Name: "next release changes", Weight: 4, Do: (*cluster).changeRelease},
	{Name: "CronJob comes or goes", Weight: 2, Do: (*cluster).changeCronJob},
	{Name: "somebody puts back what is replaced", Weight: 3, Do: func(c *cluster) { c.restorer = c.w.Roll(8) }},
	{Name: "clock jumps", Weight: 3, Do: func(c *cluster) {
		c.Skew = time.Duration(c.w.Roll(24*60)-12*60) * time.Minute
		c.doubt()
		c.changed()
	}},
	{Name: "clock right", Weight: 4, Do: func(c *cluster) {
		if c.Skew != 0 {
			c.doubt()
		}
		c.Skew = 0
		c.changed()
	}},
}...)

// anyNumber of reconciles may happen in a while of life.
const anyNumber = math.MaxInt

// Step is one of a history: a while of life, or a move.
func (w *world) Step() {
	if w.Roll(5) < 3 {
		w.Live(time.Duration(1+w.Roll(15))*time.Minute, anyNumber)
		return
	}
	stage.Happen(w.World, moves, w.cluster)
}

// editSecret is somebody who writes a Secret: by mistake, from a backup, or because they do not know better.
func (c *cluster) editSecret(ref types.NamespacedName) {
	w := c.w
	switch w.Roll(10) {
	case 0:
		c.deleteSecret(ref)
	case 1:
		c.putSecret(ref, func(s *corev1.Secret) { s.Data = nil })
	case 2, 3: // an old content, or one of another Secret
		if old := c.written[pick(w, targets...)]; len(old) > 0 {
			c.putSecret(ref, func(s *corev1.Secret) { s.Data = old[w.Roll(len(old))].Data })
		}
	case 4:
		c.putSecret(ref, func(s *corev1.Secret) {
			set(s, "aws_access_key_id", "AKIAFOREIGN")
			set(s, "aws_secret_access_key", foreignSecret)
		})
	case 5, 6:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, fmt.Sprint(foreignSecret, w.Roll(100))) })
	case 7:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, "role", pick(w, append([]string{unknownRole}, roles...)...)) })
	case 8:
		c.putSecret(ref, func(s *corev1.Secret) {
			s.Labels = map[string]string{"touched": fmt.Sprint(w.Roll(100))}
			delete(s.Annotations, v1alpha1.ExpiresAtAnnotation)
		})
	case 9:
		c.putSecret(ref, func(s *corev1.Secret) {
			s.Type, s.Immutable = pick(w, corev1.SecretTypeOpaque, corev1.SecretType("example.com/other")), ptr.To(w.Odds(2))
		})
	}
}

func set(s *corev1.Secret, key, value string) {
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	s.Data[key] = []byte(value)
}

// Interfere is somebody who writes the Secret that the operator is about to write, or makes another one of the same name.
func (c *cluster) Interfere(o client.Object) {
	if _, secret := o.(*corev1.Secret); !secret {
		c.edit(o.GetName(), func(o *v1alpha1.CAPCredentialSet) {
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, "touched", time.Now().String())
		})
		return
	}
	ref := client.ObjectKeyFromObject(o)
	c.w.Say("somebody is quicker with %s", ref)
	switch c.w.Roll(3) {
	case 0:
		c.deleteSecret(ref)
	case 1:
		c.deleteSecret(ref)
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, foreignSecret) })
	case 2:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, fmt.Sprint(foreignSecret, c.w.Roll(100))) })
	}
}

func (c *cluster) changeRequests() {
	w := c.w
	r := pick(w, append([]request{{"storage", "b", storage, false}}, payloadRequests...)...)
	switch w.Roll(4) {
	case 0:
		c.deleteRequest(r.name)
	case 1:
		r.team, r.timed = pick(w, "a", "b"), w.Odds(3)
		c.putRequest(r)
	case 2:
		r.secret = pick(w, targets...)
		c.putRequest(r)
	case 3:
		c.putRequest(r)
	}
}

func (c *cluster) changeCertificate() {
	w := c.w
	switch w.Roll(8) {
	case 6:
		c.putSecret(certificateRef, func(s *corev1.Secret) { set(s, "cap.key", encryptedKey) })
		c.changed()
	case 7:
		_, other, err := w.portal.ClientCertificate("npe")
		must(err)
		c.putSecret(certificateRef, func(s *corev1.Secret) { set(s, "cap.key", string(other)) })
		c.changed()
	case 0:
		c.deleteSecret(certificateRef)
		c.changed()
	case 1:
		c.putSecret(certificateRef, func(s *corev1.Secret) { set(s, "cap.key", "not a key") })
		c.changed()
	case 2:
		c.putCertificate(simtls.Valid(time.Now().Add(-48*time.Hour), time.Now().Add(time.Duration(w.Roll(120)-60)*time.Minute)))
	case 3:
		c.putCertificate(simtls.Valid(time.Now().Add(time.Hour), time.Now().Add(48*time.Hour)))
	default:
		c.putCertificate()
	}
}

// portalFaults are all but a body of 20 MB and an expiry that the operator may believe in for 36 hours.
var portalFaults = func() []simcap.FaultKind {
	var kinds []simcap.FaultKind
	for _, k := range simcap.FaultKinds() {
		if k != simcap.FaultHuge && k != simcap.FaultAbsurdExpiry {
			kinds = append(kinds, k)
		}
	}
	return kinds
}()

// misleading are the faults after which a credential may be dead and look alive.
var misleading = map[simcap.FaultKind]bool{
	simcap.FaultExpired: true, simcap.FaultUnreadableExpiry: true, simcap.FaultDeadKeys: true, simcap.FaultNoExpiration: true,
}

func (c *cluster) breakPortal() {
	w := c.w
	f := simcap.Fault{Kind: pick(w, portalFaults...), Role: pick(w, "", "", roles[0], roles[1]), Skip: w.Roll(2), Times: 1 + w.Roll(8)}
	switch f.Kind {
	case simcap.FaultRateLimited:
		f.RetryAfter = pick(w, "", fmt.Sprint(w.Roll(1200)), time.Now().Add(5*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	case simcap.FaultAnswer:
		f.Status, f.ContentType = pick(w, 401, 403, 503, 504, 200), "application/json"
		f.Body, f.RetryAfter = pick(w, "{}", "[]", `{"status":401,"message":"who are you"}`), pick(w, "", fmt.Sprint(w.Roll(600)))
	case simcap.FaultDelay:
		f.Delay = simctl.Duration(time.Duration(w.Roll(60)) * time.Second)
	}
	if misleading[f.Kind] {
		c.lie()
	}
	w.Count.Count(history.Faults, "CAP: "+string(f.Kind))
	must(w.portal.Break(f))
}

// changeHabits changes how CAP answers when it answers well. What it lets the operator guess may be wrong.
func (c *cluster) changeHabits() {
	w := c.w
	lies := false
	w.portal.Configure(func(s *simcap.Settings) {
		*s = simcap.Settings{}
		switch w.Roll(8) {
		case 0:
			s.Lifetime = simctl.Duration(pick(w, 15*time.Minute, 30*time.Minute, 12*time.Hour))
			lies = true // a new credential may expire before an old one
		case 1:
			s.OmitExpiration = true
			lies = true
		case 2:
			s.OmitSessionToken = true
		case 3:
			s.NumericZone = true
		case 4:
			s.ExpirationLayout, s.ExpirationZone = "2006-01-02T15:04:05", simctl.Duration(pick(w, -5*time.Hour, 9*time.Hour))
			lies = true
		case 5:
			s.ReuseUntilPercent = pick(w, 30, 70)
		case 6:
			s.DateSkew = simctl.Duration(time.Duration(w.Roll(120)-60) * time.Minute)
			lies = true
		case 7:
			s.AssumeRoleShape = true
		}
	})
	if lies {
		c.lie()
	}
}

// mend ends what is wrong with the portal.
func (w *world) mend() {
	w.portal.Heal()
	w.portal.Configure(func(s *simcap.Settings) { *s = simcap.Settings{} })
	w.down, w.expired, w.onlyNew = false, false, false
	w.cluster.lies = false
}
