package testbed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Access is what a client needs to be let in by a secured server. What is not asked for is empty.
type Access struct {
	// CAFile is the PEM file of the authority that signed the server's certificate.
	CAFile string
	// CertFile and KeyFile are the client's PEM files, where its certificate is asked for.
	CertFile, KeyFile string
	// Username and Password are random, and so to be found wherever they should not be.
	Username, Password string
}

// TLS is the configuration of a client with this access, nil where the server does without TLS.
func (a Access) TLS(t testing.TB) *tls.Config {
	t.Helper()
	if a.CAFile == "" {
		return nil
	}
	ca, err := os.ReadFile(a.CAFile)
	if err != nil {
		t.Fatalf("testbed: reading the authority's certificate: %v", err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AppendCertsFromPEM(ca)
	if a.CertFile == "" {
		return config
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		t.Fatalf("testbed: reading the client's certificate: %v", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config
}

// Authority is a throwaway certificate authority that only one test trusts.
type Authority struct {
	// CAFile is the PEM file of its own certificate.
	CAFile string
	dir    string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// NewAuthority makes an authority. Its files go with the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a, err := newAuthority(t.TempDir())
	if err != nil {
		t.Fatalf("testbed: making a certificate authority: %v", err)
	}
	return a
}

func newAuthority(dir string) (*Authority, error) {
	a := &Authority{CAFile: filepath.Join(dir, "ca.pem"), dir: dir}
	template := certificate("hotlead testbed")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return a, os.WriteFile(a.CAFile, pemBlock("CERTIFICATE", der), 0o600)
}

// Issue signs a certificate for name, good for a client and for a server on loopback, and returns its PEM files.
func (a *Authority) Issue(t testing.TB, name string) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile, err := a.issue(name)
	if err != nil {
		t.Fatalf("testbed: issuing a certificate for %s: %v", name, err)
	}
	return certFile, keyFile
}

func (a *Authority) issue(name string) (certFile, keyFile string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := certificate(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	return certFile, keyFile, errors.Join(
		os.WriteFile(certFile, pemBlock("CERTIFICATE", der), 0o600),
		os.WriteFile(keyFile, pemBlock("PRIVATE KEY", secret), 0o600))
}

// keystore is a certificate and its key in one PEM file, as Kafka reads them.
func (a *Authority) keystore(name string) (path string, err error) {
	certFile, keyFile, err := a.issue(name)
	if err != nil {
		return "", err
	}
	cert, err1 := os.ReadFile(certFile)
	key, err2 := os.ReadFile(keyFile)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	path = filepath.Join(a.dir, name+"-keystore.pem")
	return path, os.WriteFile(path, append(key, cert...), 0o600)
}

// certificate is what all certificates have in common.
func certificate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // crypto/rand does not fail
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// newUser makes a name and a password that are found nowhere else.
func newUser() (name, password string) {
	return "user-" + rand.Text()[:6], "secret-" + rand.Text()
}
