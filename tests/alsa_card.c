/* A sound card for tests, as a plugin of libasound, where the kernel's driver would be: libasound and PortAudio above
 * it are real. It takes one rate and one number of channels, 16 bits each, and one program at a time, as a card does
 * that no sound server shares. It hears what is in the file "hears" of its folder, over and over, and writes what it
 * plays to "plays", both at the pace of a clock. A file that is removed is a card that is pulled out.
 */

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_NANOSECONDS 5000000
#define SAMPLE_BYTES sizeof(int16_t)

struct card {
	snd_pcm_ioplug_t io;
	int file; /* locked as long as the card is open */
	struct timespec began;
};

static struct card *card_of(snd_pcm_ioplug_t *io)
{
	return io->private_data;
}

static int ticks(snd_pcm_ioplug_t *io, long nanoseconds)
{
	struct itimerspec every = {{0, nanoseconds}, {0, nanoseconds}};

	return timerfd_settime(io->poll_fd, 0, &every, NULL) < 0 ? -errno : 0;
}

static int start(snd_pcm_ioplug_t *io)
{
	clock_gettime(CLOCK_MONOTONIC, &card_of(io)->began);
	return ticks(io, TICK_NANOSECONDS);
}

static int stop(snd_pcm_ioplug_t *io)
{
	return ticks(io, 0);
}

static int is_gone(struct card *card)
{
	struct stat file;

	return fstat(card->file, &file) < 0 || file.st_nlink == 0;
}

/* Frames since it was started, or -EPIPE when the program was too slow, or -ENODEV. */
static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
	struct card *card = card_of(io);
	struct timespec now;
	snd_pcm_sframes_t passed, behind;

	if (is_gone(card))
		return -ENODEV;
	if (io->state != SND_PCM_STATE_RUNNING && io->state != SND_PCM_STATE_DRAINING)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (now.tv_sec - card->began.tv_sec) * (snd_pcm_sframes_t)io->rate +
		 (now.tv_nsec - card->began.tv_nsec) * (snd_pcm_sframes_t)io->rate / 1000000000;
	behind = passed - (snd_pcm_sframes_t)io->appl_ptr;
	if (behind > (io->stream == SND_PCM_STREAM_CAPTURE ? (snd_pcm_sframes_t)io->buffer_size : 0))
		return -EPIPE;
	return passed;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
				  snd_pcm_uframes_t frames)
{
	struct card *card = card_of(io);
	size_t bytes = io->channels * SAMPLE_BYTES, left = frames * bytes;
	char *place = (char *)areas->addr + areas->first / 8 + offset * bytes;

	if (is_gone(card))
		return -ENODEV;
	while (left > 0) {
		ssize_t done = io->stream == SND_PCM_STREAM_CAPTURE ? read(card->file, place, left)
								    : write(card->file, place, left);
		if (done < 0)
			return -errno;
		if (done == 0 && lseek(card->file, 0, SEEK_SET) < 0)
			return -errno;
		place += done;
		left -= done;
	}
	return frames;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *polled, unsigned int count, unsigned short *revents)
{
	uint64_t passed;
	snd_pcm_sframes_t ready;

	(void)count;
	*revents = 0;
	if (!(polled->revents & POLLIN) || read(io->poll_fd, &passed, sizeof passed) < 0)
		return 0;
	ready = snd_pcm_avail_update(io->pcm);
	if (ready < 0)
		*revents = POLLERR;
	else if (ready > 0)
		*revents = io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
	return 0;
}

static int close_card(snd_pcm_ioplug_t *io)
{
	struct card *card = card_of(io);

	close(card->file);
	close(io->poll_fd);
	free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = start,
	.stop = stop,
	.pointer = pointer,
	.transfer = transfer,
	.poll_revents = poll_revents,
	.close = close_card,
};

/* What the card can do, and nothing else. */
static int limits(snd_pcm_ioplug_t *io, long rate, long channels)
{
	static const unsigned int accesses[] = {SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED}, formats[] = {SND_PCM_FORMAT_S16_LE};
	size_t frame = channels * SAMPLE_BYTES;
	int error;

	if ((error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, accesses)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64 * frame, 4096 * frame)) < 0)
		return error;
	return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256 * frame, 65536 * frame);
}

/* -EBUSY while another has it, -ENOENT where it is not plugged in. */
static int take(const char *folder, snd_pcm_stream_t stream)
{
	int hears = stream == SND_PCM_STREAM_CAPTURE, file, error;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, hears ? "hears" : "plays");
	file = open(path, (hears ? O_RDONLY : O_WRONLY | O_APPEND) | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (flock(file, LOCK_EX | LOCK_NB) < 0) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(file);
		return error;
	}
	return file;
}

SND_PCM_PLUGIN_DEFINE_FUNC(toy_card)
{
	const char *folder;
	long rate, channels;
	snd_config_t *found;
	struct card *card;
	int error;

	(void)root;
	if (snd_config_search(conf, "folder", &found) < 0 || snd_config_get_string(found, &folder) < 0 ||
	    snd_config_search(conf, "rate", &found) < 0 || snd_config_get_integer(found, &rate) < 0 ||
	    snd_config_search(conf, "channels", &found) < 0 || snd_config_get_integer(found, &channels) < 0)
		return -EINVAL;
	if (!(card = calloc(1, sizeof *card)))
		return -ENOMEM;
	if ((card->file = take(folder, stream)) < 0) {
		error = card->file;
		free(card);
		return error;
	}
	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "A sound card for tests";
	card->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
	card->io.callback = &callbacks;
	card->io.mmap_rw = 1;
	card->io.private_data = card;
	card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	card->io.poll_events = POLLIN;
	if ((error = snd_pcm_ioplug_create(&card->io, name, stream, mode)) < 0) {
		close_card(&card->io);
		return error;
	}
	if ((error = limits(&card->io, rate, channels)) < 0) {
		snd_pcm_ioplug_delete(&card->io);
		return error;
	}
	*pcmp = card->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_SYMBOL(toy_card);
