// Package bootstrap is the part of the command line that works before there is a cluster: it writes the files that
// openshift-install takes into an installation, and fills initial credentials into manifests and into the profile that the
// installer itself uses.
//
//   - install-manifests writes the operator, its CAPCredentialSet and one Secret per CredentialsRequest.
//   - seed fills credentials of a C2S Access Portal into Secrets among the manifests and into ~/.aws/credentials.
//
// Both work out everything first and write only then, so that nothing is changed when anything is not good, and neither
// prints a secret.
package bootstrap
