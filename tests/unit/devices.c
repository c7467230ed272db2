#include "core/base/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/app/devices.h"
#include "core/base/file.h"
#include "tests/tmpdir.h"

static int read_text(const char *text, struct mkt_devices **out, struct mkt_err *err)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];
	int rc;

	tmpdir_make(dir, "devices");
	snprintf(path, sizeof(path), "%s/devices.conf", dir);
	assert_int_equal(mkt_file_write(path, text, strlen(text),
					(struct mkt_file_how){.mode = 0600}, err), 0);
	rc = mkt_devices_read(path, out, err);
	tmpdir_remove(dir);
	return rc;
}

static const char site[] =
	"[site]\nsockets = /run/user/7/mkt\n"
	"[line.garage]\nport = usb:0403:6001:A50285BI\nspeed = 19200\nparity = even\n"
	"data_bits = 8\nstop_bits = 2\npause = 100ms\necho = yes\n"
	"[line.roof]\nport = tcp:[::1]:502\n"
	"[device.ev-03]\nline = garage\ndriver = heidelberg\nunit = 3\ncharger = p07c1\n"
	"circuit = garage\nmax = 16A\nmax_power = 11kW\nphases = 3\nvoltage = 235V\n"
	"serial = 0816 A\nfailsafe = 6A\nwatchdog = 30s\npoll = 500ms\nlost = 2m\nexit = keep\n"
	"soc_min = 20%\nsoc_max = 90.5%\nefficiency = 88%\nmeter_sign = reversed\n"
	"secret = /etc/mkt/broute\n"
	"[device.pv]\nline = roof\ndriver = sunspec\n"
	"[circuit.garage]\nmax = 32A\nphases = 3\n";

static void a_site_is_read(void **state)
{
	const struct mkt_device_conf *ev, *pv;
	const struct mkt_line_conf *l;
	struct mkt_devices *d;
	struct mkt_err err = {0};
	char path[128];

	(void)state;
	assert_int_equal(read_text(site, &d, &err), 0);
	assert_int_equal(d->nlines, 2);
	assert_int_equal(d->ndevices, 2);
	l = mkt_devices_line(d, "garage");
	assert_string_equal(l->port, "usb:0403:6001:A50285BI");
	assert_int_equal(l->speed, 19200);
	assert_int_equal(l->parity, 'E');
	assert_int_equal(l->data_bits, 8);
	assert_int_equal(l->stop_bits, 2);
	assert_int_equal(l->pause_ms, 100);
	assert_true(l->echo);
	assert_int_equal(mkt_devices_line(d, "roof")->pause_ms, UINT32_MAX);
	ev = mkt_devices_device(d, "ev-03");
	assert_string_equal(ev->line, "garage");
	assert_string_equal(ev->driver, "heidelberg");
	assert_string_equal(ev->charger, "p07c1");
	assert_string_equal(ev->serial, "0816 A");
	assert_string_equal(ev->secret, "/etc/mkt/broute");
	assert_int_equal(ev->unit, 3);
	assert_int_equal(ev->max_ma, 16000);
	assert_int_equal(ev->max_w, 11000);
	assert_int_equal(ev->phases, 3);
	assert_int_equal(ev->nominal_mv, 235000);
	assert_int_equal(ev->failsafe_ma, 6000);
	assert_int_equal(ev->watchdog_s, 30);
	assert_int_equal(ev->poll_ms, 500);
	assert_int_equal(ev->lost_s, 120);
	assert_int_equal(ev->exit, MKT_EXIT_KEEP);
	assert_int_equal(ev->soc_min, 200);
	assert_int_equal(ev->soc_max, 905);
	assert_int_equal(ev->efficiency, 880);
	assert_int_equal(ev->meter_sign, -1);
	pv = mkt_devices_device(d, "pv");
	assert_string_equal(pv->charger, "pv");
	assert_int_equal(pv->exit, MKT_EXIT_PAUSE);
	assert_int_equal(mkt_devices_circuit(d, "garage")->max_ma, 32000);
	assert_null(mkt_devices_circuit(d, "house"));
	assert_int_equal(mkt_devices_socket(d, "roof", path, sizeof(path)), 0);
	assert_string_equal(path, "/run/user/7/mkt/roof.sock");
	assert_int_equal(mkt_devices_socket(d, "roof", path, 10), -MKT_ELIMIT);
	free(d);
}

/* A line and a device that are right; what comes before or after is wrong. */
#define GOOD "[line.a]\nport=/dev/ttyS0\n[device.d]\nline=a\ndriver=rapi\n"

static void faults_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{GOOD "nonsense=1\n", "devices.conf:6: there is no setting 'nonsense'"},
		{GOOD "max=16\n", "devices.conf:6: 'max': current '16'"},
		{GOOD "max=0.5A\n", "'max' is '0.5A', but must be 1000 to 400000 mA"},
		{GOOD "max_power=-3kW\n", "must be 1 to 1000000 W"},
		{GOOD "phases=4\n", "devices.conf:6: 'phases'"},
		{GOOD "voltage=230\n", "voltage '230' is not as 230V"},
		{GOOD "voltage=V\n", "voltage 'V' is not as 230V"},
		{GOOD "poll=10ms\n", "must be 200 to 3600000 ms"},
		{GOOD "watchdog=1500ms\n", "not a number of seconds"},
		{GOOD "exit=stop\n", "'exit' is 'stop', not pause, keep or auto"},
		{GOOD "meter_sign=-1\n", "not normal or reversed"},
		{GOOD "soc_min=80%\nsoc_max=80%\n", "'soc_min' is not below 'soc_max'"},
		{GOOD "failsafe=16A\nmax=10A\n", "'failsafe' is above 'max'"},
		{GOOD "unit=0\n", "devices.conf:6: 'unit'"},
		{GOOD "circuit=c\n", "there is no [circuit.c]"},
		{GOOD "serial=0123456789012345678901234567890123456789012345678901234567890123\n",
		 "'serial' is longer than 63 bytes"},
		{GOOD "[device.e]\nline=a\ndriver=rapi\n", "same line and unit"},
		{GOOD "[device.e]\nline=a\ndriver=rapi\nunit=2\ncharger=d\n", "both the charger"},
		{GOOD "[device.e]\ndriver=rapi\n", "[device.e] has no 'line'"},
		{GOOD "[device.e]\nline=a\nunit=5\n", "[device.e] has no 'driver'"},
		{GOOD "[device.e]\nline=b\ndriver=rapi\n", "there is no [line.b]"},
		{GOOD "[line.b]\nspeed=9600\n", "[line.b] has no 'port'"},
		{GOOD "[line.b]\nport=/dev/ttyS0\n", "have the same port"},
		{GOOD "[line.b]\nport=x\nparity=mark\n", "not none, even or odd"},
		{GOOD "[line.b]\nport=x\necho=1\n", "not no or yes"},
		{GOOD "[device.e.f]\nline=a\n", "a name has 1 to 31"},
		{GOOD "[device.]\nline=a\n", "a name has 1 to 31"},
		{GOOD "[device.0123456789012345678901234567890x]\nline=a\n", "a name has 1"},
		{GOOD "[circuit.c]\nphases=3\n", "[circuit.c] has no 'max'"},
		{GOOD "[devices]\nx=1\n", "[devices] is neither"},
		{GOOD "[core]\nx=1\n", "core.x"},
		{"x=1\n", "unknown setting 'x'"},
		{GOOD "[site]\nsockets=run\n", "no path from the root"},
		{"[line.a\n", "line 1 is neither"},
	};

	(void)state;
	for (size_t i = 0; i < MKT_ARRAY_SIZE(rows); i++) {
		struct mkt_devices *d = NULL;
		struct mkt_err err = {0};

		assert_int_equal(read_text(rows[i].text, &d, &err), -MKT_EUSAGE);
		assert_null(d);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].says);
	}
}

/* Different drivers on a bus have usual units of their own. */
static void drivers_on_a_bus(void **state)
{
	struct mkt_devices *d;
	struct mkt_err err = {0};

	(void)state;
	assert_int_equal(read_text(GOOD "[device.e]\nline=a\ndriver=sdm\n", &d, &err), 0);
	free(d);
}

static void too_many_are_refused(void **state)
{
	struct mkt_buf text = MKT_BUF_INIT;
	struct mkt_devices *d;
	struct mkt_err err = {0};

	(void)state;
	mkt_buf_addstr(&text, "[line.a]\nport=x\n");
	for (int i = 1; i <= MKT_DEVICES_MAX; i++)
		mkt_buf_addf(&text, "[device.d%d]\nline=a\ndriver=rapi\nunit=%d\n", i, i);
	assert_int_equal(read_text(mkt_buf_str(&text), &d, &err), 0);
	assert_int_equal(d->ndevices, MKT_DEVICES_MAX);
	free(d);
	mkt_buf_addstr(&text, "[device.more]\nline=a\n");
	assert_int_equal(read_text(mkt_buf_str(&text), &d, &err), -MKT_EUSAGE);
	assert_non_null(strstr(err.text, "more than 64 devices"));
	mkt_buf_release(&text);
}

static void the_file_is_found(void **state)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];
	struct mkt_devices *d;
	struct mkt_err err = {0};

	(void)state;
	tmpdir_make(dir, "devices");
	snprintf(path, sizeof(path), "%s/other.conf", dir);
	assert_int_equal(mkt_devices_read(path, &d, &err), -MKT_ENOTFOUND);
	setenv("MKT_DEVICES", path, 1);
	assert_int_equal(mkt_devices_read(NULL, &d, &err), -MKT_ENOTFOUND);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(mkt_file_write(path, GOOD, strlen(GOOD),
					(struct mkt_file_how){.mode = 0600}, &err), 0);
	assert_int_equal(mkt_devices_read(NULL, &d, &err), 0);
	free(d);
	unsetenv("MKT_DEVICES");
	snprintf(path, sizeof(path), "%s/mkt", dir);
	assert_int_equal(mkt_dir_make(path, 0700, &err), 0);
	snprintf(path, sizeof(path), "%s/mkt/devices.conf", dir);
	setenv("XDG_CONFIG_HOME", dir, 1);
	assert_int_equal(mkt_file_write(path, "x\n", 2, (struct mkt_file_how){.mode = 0600}, &err),
			 0);
	assert_int_equal(mkt_devices_read(NULL, &d, &err), -MKT_EUSAGE);
	assert_non_null(strstr(err.text, path));
	tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_site_is_read),
		cmocka_unit_test(faults_are_named_with_their_line),
		cmocka_unit_test(drivers_on_a_bus),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(the_file_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
