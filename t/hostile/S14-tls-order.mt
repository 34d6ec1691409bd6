# S14: the order of STARTTLS, EHLO and AUTH.
need smtp auth
include ../scenario/common.inc
smtp s
s > STARTTLS
s < 220
s starttls
s > STARTTLS
s < 503 5.5.1
s > MAIL FROM:<x@example.com>
s < 503 5.5.1
s > RCPT TO:<anna@example.org>
s < 503 5.5.1
s > EHLO c
s < 250
s > STARTTLS
s < 503 5.5.1
s > AUTH PLAIN $plain_anna
s < 503 5.5.1
client u connect 587
u < 220
u > AUTH PLAIN $plain_anna
u < 503 5.5.1
u > HELO c
u < 250
u > AUTH PLAIN $plain_anna
u < 503 5.5.1
u > EHLO c
u < 250
u > AUTH PLAIN $plain_anna
u < 538 5.7.11
u > MAIL FROM:<anna@example.org>
u < 530 5.7.0
u > STARTTLS
u < 220
u starttls
u > AUTH PLAIN $plain_anna
u < 503 5.5.1
u > MAIL FROM:<anna@example.org>
u < 503 5.5.1
u > EHLO c
u < 250
u > MAIL FROM:<anna@example.org>
u < 530 5.7.0
u > AUTH PLAIN $plain_anna
u < 235
u > AUTH PLAIN $plain_anna
u < 503 5.5.1
