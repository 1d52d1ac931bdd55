/**
 * Congestion control and pacing of ack-eliciting datagrams: PROTOCOL.md#congestion-control.
 *
 * The control is NewReno's (RFC 9002), except that a loss takes away three tenths of the window, as CUBIC's does. Sizes
 * are bytes, times milliseconds.
 */

import { DATAGRAM_BYTES_BASE } from '../wire/limits.js';

const WINDOW_FIRST = 10 * DATAGRAM_BYTES_BASE;
const WINDOW_MIN = 2 * DATAGRAM_BYTES_BASE;
const WINDOW_MAX = 16 * 1024 * 1024;
const KEPT_AFTER_LOSS = 0.7;
/** Datagrams leave a little faster than the window in a round trip, so that pacing is not the bound. */
const PACING_GAIN = 1.25;
const BURST_BYTES = 10 * DATAGRAM_BYTES_BASE;
/** Timers of browsers are this late at times. */
const TIMER_LATENESS = 5;

export class Congestion {
  inFlight = 0;

  private window = WINDOW_FIRST;
  private threshold = Infinity;
  /** Losses of datagrams sent before this belong to a loss that was answered already. */
  private recoverySince = -Infinity;
  private allowance = BURST_BYTES;
  private allowanceAt = 0;

  /** Whether a datagram may leave now. */
  maySend(now: number, smoothed: number): boolean {
    if (this.inFlight >= this.window) return false;
    this.refill(now, smoothed);
    return this.allowance > 0;
  }

  /** When pacing lets the next datagram leave. Infinity if only an Ack can. */
  nextAt(now: number, smoothed: number): number {
    if (this.inFlight >= this.window) return Infinity;
    this.refill(now, smoothed);
    if (this.allowance > 0) return now;
    return now + Math.max(1, (1 - this.allowance) / this.rate(smoothed));
  }

  sent(bytes: number): void {
    this.inFlight += bytes;
    this.allowance -= bytes;
  }

  acknowledged(bytes: number, sentAt: number): void {
    const isUsed = this.inFlight > this.window / 2;
    this.inFlight -= bytes;
    if (!isUsed || sentAt <= this.recoverySince) return;
    const grown = this.window < this.threshold ? bytes : (DATAGRAM_BYTES_BASE * bytes) / this.window;
    this.window = Math.min(this.window + grown, WINDOW_MAX);
  }

  lost(bytes: number, sentAt: number, now: number): void {
    this.inFlight -= bytes;
    if (sentAt <= this.recoverySince) return;
    this.recoverySince = now;
    this.window = Math.max(this.window * KEPT_AFTER_LOSS, WINDOW_MIN);
    this.threshold = this.window;
  }

  /** For datagrams whose loss says nothing about congestion. */
  forgotten(bytes: number): void {
    this.inFlight -= bytes;
  }

  /** Nothing gets through. */
  collapse(): void {
    this.threshold = Math.min(this.threshold, Math.max(this.window / 2, WINDOW_MIN));
    this.window = WINDOW_MIN;
    this.recoverySince = -Infinity;
  }

  private rate(smoothed: number): number {
    return (PACING_GAIN * this.window) / Math.max(smoothed, 1);
  }

  private refill(now: number, smoothed: number): void {
    const rate = this.rate(smoothed);
    const most = Math.max(BURST_BYTES, rate * TIMER_LATENESS);
    this.allowance = Math.min(most, this.allowance + rate * Math.max(0, now - this.allowanceAt));
    this.allowanceAt = now;
  }
}
